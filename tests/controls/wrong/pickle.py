"""pickle: the name of the class belongs to another class of its module."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::pickle")
class Double(pg.Function):
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


Wrong = Double


class Double:
    """Another class."""


MESSAGE = r"the class does not pickle: .*not the same object"
