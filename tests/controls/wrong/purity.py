"""purity: backward works in place on its cotangent and then puts it back."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::purity")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    @pg.once_differentiable
    def backward(ctx, gy):
        gx = gy.mul_(2).clone()
        gy.div_(2)
        return gx

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"backward wrote to cotangent 0 in place"
ALSO = {
    "to-library": "the tracer passes an expanded cotangent, which cannot be written to",
    "cotangent-layouts": "what has stride 0 cannot be written to",
}
