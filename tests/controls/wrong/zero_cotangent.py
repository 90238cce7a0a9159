"""zero-cotangent: backward divides by the cotangent's norm and multiplies by it again."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::zero_cotangent")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        norm = gy.abs().sum()
        return 2 * (gy / norm) * norm

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"the gradient of x is nan for a zero cotangent"
