"""global-state: forward draws a random number and does not say so."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::global_state")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        torch.rand(1)
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"the op changed torch's random generator"
