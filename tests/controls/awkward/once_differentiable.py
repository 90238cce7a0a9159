"""A backward that says it cannot be differentiated."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::once_differentiable")
class Awkward(pg.Function):
    """y = x²;  gx = 2 gy x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @pg.once_differentiable
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x.conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3))
