"""An op that refuses some calls, and shows how."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::refusals")
class Awkward(pg.Function):
    """y = x / n, n the number of columns;  gx = gy / n."""

    @staticmethod
    def forward(ctx, x):
        if x.dim() != 2 or not x.shape[1]:
            raise ValueError(f"a matrix with columns is needed, not {tuple(x.shape)}")
        ctx.columns = x.shape[1]
        return x / ctx.columns

    @staticmethod
    def backward(ctx, gy):
        return gy / ctx.columns

    @staticmethod
    def samples(make):
        yield Sample(make(2, 3))
        yield Sample(make(3)).raises(ValueError, r"not \(3,\)")
