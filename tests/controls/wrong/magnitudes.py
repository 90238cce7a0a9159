"""magnitudes: the exponential overflows where its logarithm is moderate."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::magnitudes", elementwise=True)
class Wrong(pg.Function):
    """y = log(1 + exp(x²));  gx = 2 gy x s(x²)."""

    @staticmethod
    def forward(ctx, x):
        if x.is_complex():
            raise TypeError("real numbers only")
        ctx.save_for_backward(x)
        return (x * x).exp().add(1).log()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x * (x * x).sigmoid()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"in float32 the output 0 is inf where float64 has"
