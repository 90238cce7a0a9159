"""once-differentiable: backward runs on raw tensors and does not say so."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::once_differentiable")
class Wrong(pg.Function):
    """y = x²;  gx = 2 gy x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return (2 * gy * x.conj()).detach()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"mark backward @once_differentiable"
