"""samples: they are drawn from torch's generator, not from make, so no seed gives them again."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::samples")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(torch.rand(3, dtype=torch.float64))


MESSAGE = r"sample 0 differs between two runs with one seed"
