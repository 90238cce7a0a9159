"""branches: one side of a condition is taken by no sample."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::branches")
class Wrong(pg.Function):
    """y = 2x where x > 0, else 3x;  gx = 2 gy where x > 0, else 3 gy."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > 0, 2 * x, 3 * x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * torch.where(x > 0, 2, 3)

    @staticmethod
    def samples(make):
        yield Sample(make(3, low=0.5))


MESSAGE = r"branches\.py:\d+ is never false .*add a sample for the other side"
