"""A declared view: the output shares its input's memory."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


def every_other(x):
    """Every other row."""
    return x[::2]


@pg.op("control::view", view=True, reference=every_other)
class Awkward(pg.Function):
    """y = x[::2];  gx[::2] = gy, else 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.rows = x.shape
        return x[::2]

    @staticmethod
    def backward(ctx, gy):
        zeros = gy.new_zeros(ctx.rows)
        return zeros.slice_scatter(gy, 0, 0, ctx.rows[0], 2)

    @staticmethod
    def samples(make):
        yield Sample(make(5, 2))
