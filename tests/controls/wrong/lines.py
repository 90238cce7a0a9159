"""lines: no sample runs a line of backward."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::lines")
class Wrong(pg.Function):
    """y = k x;  gx = k gy."""

    @staticmethod
    def forward(ctx, x, k=2):
        ctx.k = k
        return k * x

    @staticmethod
    def backward(ctx, gy):
        try:
            return int(ctx.k) * gy
        except ValueError:
            return 3 * ctx.k * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"line"
