"""real-gradient: where y is complex the real x gets a complex gradient."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::real_gradient")
class Wrong(pg.Function):
    """z = x y;  gx = gz conj(y), gy = gz conj(x)."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz * y.conj(), gz * x.conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))


MESSAGE = r"the real input \w gets a complex gradient when another input is complex"
