"""cotangent-layouts: backward calls gy.view(-1), which needs a contiguous cotangent."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::cotangent_layouts")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy.view(-1).reshape(gy.shape)

    @staticmethod
    def samples(make):
        yield Sample(make(3, 2))


MESSAGE = r"view size is not compatible"
