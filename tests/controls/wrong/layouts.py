"""layouts: forward reads its input's memory as if it were contiguous."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::layouts")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        strides = x.new_empty(x.shape, device="meta").stride()
        return 2 * x.as_strided(x.shape, strides)

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"non-contiguous inputs change the result: output 0"
