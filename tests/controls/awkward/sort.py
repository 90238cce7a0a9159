"""sort: several outputs, one of them integers."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::sort", reference=torch.sort)
class Awkward(pg.Function):
    """y = x[..., i] in ascending order, and i;  gx[..., i] = gy."""

    @staticmethod
    def forward(ctx, x, dim=-1):
        y, i = torch.sort(x, dim)
        ctx.save_for_backward(i)
        ctx.dim = dim
        return y, i

    @staticmethod
    def backward(ctx, gy, gi):
        (i,) = ctx.saved_tensors
        return torch.zeros_like(gy).scatter(ctx.dim, i, gy)

    @staticmethod
    def samples(make):
        yield Sample(make.distinct(5))
        yield Sample(make.distinct(3, 4), 0)
