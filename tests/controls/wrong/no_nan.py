"""no-nan: the gradient is 0 / 0 where the input is 0, and no sample is."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::no_nan")
class Wrong(pg.Function):
    """y = |x|;  gx = gy x / |x|."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x / x.abs()

    @staticmethod
    def samples(make):
        yield Sample(make.nonzero(3))


MESSAGE = r"nan"
