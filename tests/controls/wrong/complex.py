"""complex: the conj of the factor is missing, and every sample is real."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::complex")
class Wrong(pg.Function):
    """y = x²;  gx = 2 gy x, which lacks a conj."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"complex inputs: gradient of x|slope of output element . in x"
