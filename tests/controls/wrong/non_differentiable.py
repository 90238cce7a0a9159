"""non-differentiable: an integer input gets zeros instead of None."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::non_differentiable")
class Wrong(pg.Function):
    """y = x n;  gx = gy n."""

    @staticmethod
    def forward(ctx, x, n):
        ctx.save_for_backward(n)
        return x * n

    @staticmethod
    def backward(ctx, gy):
        (n,) = ctx.saved_tensors
        return gy * n, torch.zeros_like(n)

    @staticmethod
    def samples(make):
        yield Sample(make(3), make.integers(3, low=1))


MESSAGE = r"n, torch\.int64, got a gradient"
