"""A random op, which declares that it draws."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::random", random=True)
class Awkward(pg.Function):
    """y = x n, n drawn from {0, 2};  gx = gy n."""

    @staticmethod
    def forward(ctx, x):
        n = torch.bernoulli(torch.full(x.shape, 0.5, device=x.device)).to(x.dtype) * 2
        ctx.mark_non_differentiable(n)
        ctx.save_for_backward(n)
        return x * n

    @staticmethod
    def backward(ctx, gy):
        (n,) = ctx.saved_tensors
        return gy * n

    @staticmethod
    def samples(make):
        yield Sample(make(4, 3))
