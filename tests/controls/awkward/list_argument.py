"""A list argument: the tensors of a list, added up."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


def total(tensors, scale=1.0):
    """scale times the sum of tensors."""
    return scale * sum(tensors[1:], tensors[0])


@pg.op("control::list_argument", reference=total, broadcasts=True)
class Awkward(pg.Function):
    """y = scale (x[0] + x[1] + ...);  each element of x gets scale gy."""

    @staticmethod
    def forward(ctx, x, scale=1.0):
        ctx.count, ctx.scale = len(x), scale
        return scale * sum(x[1:], x[0])

    @staticmethod
    def backward(ctx, gy):
        return [ctx.scale * gy for _ in range(ctx.count)], None

    @staticmethod
    def samples(make):
        yield Sample([make(3), make(3), make(3)])
        yield Sample([make(2, 2)], scale=3.0)
