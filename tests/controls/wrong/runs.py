"""runs: backward divides by the number of columns of a sample that has none."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::runs")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        ctx.columns = x.shape[-1] if x.dim() > 1 else 0
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * (1 + 0 % ctx.columns) * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"ZeroDivisionError.*runs\.py"
