"""interleaved: backward takes its factor from the class, where the last call left it."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::interleaved")
class Wrong(pg.Function):
    """y = k x, k = 2 where x begins smaller than it ends, else 3;  gx = k gy."""

    k = 0

    @staticmethod
    def forward(ctx, x):
        first, last = x.real.reshape(-1)[[0, -1]].tolist()
        Wrong.k = 2 + (first > last)
        return Wrong.k * x

    @staticmethod
    def backward(ctx, gy):
        return Wrong.k * gy

    @staticmethod
    def samples(make):
        yield Sample(make.tensor([1.0, 2.0, 3.0]))


MESSAGE = r"another call of the op in between changes the gradient"
