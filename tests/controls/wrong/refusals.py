"""refusals: it says that it refuses matrices, and takes them."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::refusals")
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
        yield Sample(make(2, 2)).raises(ValueError, "one dimension")


MESSAGE = r"Sample\(float64\[2, 2\]\) raises nothing instead of ValueError"
