"""jvp: the tangent's factor is that of another formula."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::jvp")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy;  ty = 2 tx."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def jvp(ctx, tx):
        return 3 * tx

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"jvp|tangent"
