"""global-state: forward changes the default dtype, back and forth."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::global_state")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        narrow = torch.get_default_dtype() is torch.float32
        torch.set_default_dtype(torch.float64 if narrow else torch.float32)
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"the op changed torch's default dtype"
