"""inputs-unchanged: forward works in place on its input and then puts it back."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::inputs_unchanged")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        y = x.mul_(2).clone()
        x.div_(2)
        return y

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"forward wrote to the input x in place"
