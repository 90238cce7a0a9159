"""dimensions: squeeze() loses a second axis, which is of size 1, where there are three."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::dimensions")
class Wrong(pg.Function):
    """y = x - mean(x, dim);  gx = gy - mean(gy, dim)."""

    @staticmethod
    def forward(ctx, x, dim=-1):
        ctx.dim = dim
        return x - x.mean(dim, keepdim=True)

    @staticmethod
    def backward(ctx, gy):
        mean = gy.sum(ctx.dim).squeeze() / gy.shape[ctx.dim]
        return gy - mean.unsqueeze(ctx.dim)

    @staticmethod
    def samples(make):
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 0)
        yield Sample(make.complex(2, 2))


MESSAGE = r"inputs of shape \[(2, 1, 4|2, 3, 1|1, 3, 4)\]"
