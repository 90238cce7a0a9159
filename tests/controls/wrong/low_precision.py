"""low-precision: an intermediate result drowns in float16's rounding."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::low_precision")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        # A detour that costs five digits: float64 has them, float16 does not.
        return 2 * ((gy + 1e4 * gy.detach()) - 1e4 * gy.detach())

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"in torch\.(float32|bfloat16|float16) the gradient is far from float64's"
