"""second-order: the gradient is right, and its derivative is off by 1e-9."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::second_order")
class Wrong(pg.Function):
    """y = x²;  gx = 2 gy x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * (x + 1e-9 * (x - x.detach())).conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"derivative 2 is not torch's: derivative in x"
