"""options: a factor that every sample leaves at 1 is missing in backward."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::options")
class Wrong(pg.Function):
    """y = (alpha x)^2;  gx = 2 x gy."""

    @staticmethod
    def forward(ctx, x, alpha=1.0):
        ctx.save_for_backward(x)
        return (alpha * x) ** 2

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * 2 * x.conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3))
        yield Sample(make(2, 3), 1.0)


MESSAGE = r"with alpha = 1.25 in place of 1.0: .*add a sample with another alpha"
