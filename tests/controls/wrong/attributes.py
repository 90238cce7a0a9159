"""attributes: a method shadows another op's."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::attributes", methods=("sum",))
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"'sum' already belongs to sum of plugrad"
