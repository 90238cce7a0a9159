"""aliasing: the output is a view of the input, and the op is not declared so."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::aliasing")
class Wrong(pg.Function):
    """y = x;  gx = gy."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gy):
        return gy.clone()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"output 0 shares memory with an input: declare view=True"
