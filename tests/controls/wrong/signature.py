"""signature: backward is not a static method, which the class itself does not notice."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::signature")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    def backward(ctx, gy):  # noqa: N805 (it lacks @staticmethod, which is what is wrong)
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"backward is not a static method"
