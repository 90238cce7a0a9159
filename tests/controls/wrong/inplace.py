"""inplace: the change in place is written behind the graph, whose gradient is that of no change."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::inplace", inplace=("doubled_",))
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def overwrite(x):
        x.data.mul_(2)

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"not torch's gradient after doubled_"
