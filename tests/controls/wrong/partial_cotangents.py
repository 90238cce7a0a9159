"""partial-cotangents: it asks for None where there is no cotangent, and then multiplies it."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::partial_cotangents")
class Wrong(pg.Function):
    """y = 2x, z = 3x;  gx = 2 gy + 3 gz."""

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return 2 * x, 3 * x

    @staticmethod
    def backward(ctx, gy, gz):
        return 2 * gy + 3 * gz

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"NoneType"
