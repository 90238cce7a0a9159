"""An op with its own jvp."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::own_jvp", broadcasts=True)
class Awkward(pg.Function):
    """z = x y;  gx = gz conj(y), gy = gz conj(x);  tz = tx y + x ty."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz * y.conj(), gz * x.conj()

    @staticmethod
    def jvp(ctx, tx, ty):
        x, y = ctx.saved_tensors
        return tx * y + x * ty

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))
