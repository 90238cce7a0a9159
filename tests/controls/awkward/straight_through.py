"""A straight-through estimator: its gradient is wrong on purpose, and it says so."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample

ESTIMATOR = "round has no slope; its gradient is taken to be that of the identity"


@pg.op(
    "control::straight_through",
    waives=dict.fromkeys(("oracle", "numeric", "sizes", "stretched"), ESTIMATOR),
)
class Awkward(pg.Function):
    """y = round(x);  gx = gy."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gy):
        return gy.clone()

    @staticmethod
    def samples(make):
        yield Sample(make.tensor([0.3, 1.8, -0.7]))
