"""hidden-intermediate: a number that depends on the input is kept as an attribute."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::hidden_intermediate")
class Wrong(pg.Function):
    """y = x s, s the sum of x;  gx = gy s + sum(gy x)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.sum = x.sum().item()
        return x * x.sum()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * ctx.sum.conjugate() + (gy * x.conj()).sum()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"ctx\.sum depends on the inputs"
