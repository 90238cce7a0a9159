"""freed: what it saves it also keeps on the class, where no backward frees it."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::freed")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    kept = None

    @staticmethod
    def forward(ctx, x):
        Wrong.kept = factor = torch.full_like(x, 2)
        ctx.mark_non_differentiable(factor)
        ctx.save_for_backward(factor)
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        (factor,) = ctx.saved_tensors
        return factor * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"saved tensors outlive the backward: \(3,\)"
