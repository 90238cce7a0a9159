"""numeric: the gradient is torch's, and neither belongs to forward: a straight-through round."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


def straight_through(x):
    """round(x), with the gradient of x."""
    return x + (x.round() - x).detach()


@pg.op("control::numeric", reference=straight_through)
class Wrong(pg.Function):
    """y = round(x);  gx = gy."""

    @staticmethod
    def forward(ctx, x):
        return x + (x.round() - x)

    @staticmethod
    def backward(ctx, gy):
        return gy.clone()

    @staticmethod
    def samples(make):
        yield Sample(make.tensor([0.3, 1.8, -0.7]))


MESSAGE = r"not the slope of forward"
