"""linearity: backward clips its cotangent at 100, which no cotangent of normal size reaches."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::linearity", dtypes=(torch.float64, torch.float32))
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        if x.dtype not in {torch.float64, torch.float32}:
            raise TypeError(x.dtype)
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy.clamp(-100, 100)

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"not linear in the cotangent"
