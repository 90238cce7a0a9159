"""no-cycle: the context refers to itself, so nothing it holds dies at once."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::no_cycle")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        ctx.itself = ctx
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"a Wrong of the graph outlives its last use"
