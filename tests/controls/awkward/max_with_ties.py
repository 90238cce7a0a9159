"""The largest element, with ties, whose gradient is shared evenly as in torch.amax."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::max_with_ties", reference=torch.amax)
class Awkward(pg.Function):
    """y = max(x);  gx = gy / k at each of the k elements equal to y, else 0."""

    @staticmethod
    def forward(ctx, x):
        y = torch.amax(x)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        largest = x == y
        return gy * largest / largest.sum()

    @staticmethod
    def samples(make):
        yield Sample(make.distinct(3, 4))
        yield Sample(make.tensor([1.0, 3.0, 3.0, 2.0])).at_kink()
        yield Sample(make.tensor([2.0, 2.0])).at_kink()
