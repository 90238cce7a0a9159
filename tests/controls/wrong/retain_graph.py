"""retain-graph: each backward leaves a little rounding in what its context holds."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::retain_graph")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        ctx.factor = 2.0
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        ctx.factor += 4.5e-16
        return ctx.factor * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"another backward of the same graph differs"
