"""third-order: gradient and second derivative are right, the third is 0."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::third_order", elementwise=True)
class Wrong(pg.Function):
    """y = x³;  gx = 3 gy x²."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        here = x.detach()
        square = here * here + 2 * here * (x - here)  # x², but for its curvature
        return 3 * gy * square.conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"derivative 3 is not torch's: derivative in x"
