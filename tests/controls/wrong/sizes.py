"""sizes: the mean of no elements is nan, where the reference says 0."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


def mean_or_zero(x):
    """The mean of x, and 0 if x has no elements."""
    return x.sum() / max(x.numel(), 1)


@pg.op("control::sizes", reference=mean_or_zero)
class Wrong(pg.Function):
    """y = mean(x);  gx = gy / n."""

    @staticmethod
    def forward(ctx, x):
        ctx.input_shape = x.shape
        return x.sum() / x.numel()

    @staticmethod
    def backward(ctx, gy):
        return (gy / ctx.input_shape.numel()).expand(ctx.input_shape).clone()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"wrong for inputs of size 0: output 0|ZeroDivisionError"
