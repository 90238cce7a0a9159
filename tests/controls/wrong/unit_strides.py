"""unit-strides: backward reads the memory format from the stride of a batch of one."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::unit_strides")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        dense = gy.dim() < 2 or gy.shape[0] != 1 or gy.stride(0) == gy.numel()
        return 2 * gy if dense else 2 * gy.flip(1)

    @staticmethod
    def samples(make):
        yield Sample(make(2, 3))


MESSAGE = r"strides of dimensions of size 1 change the result: gradient of x"
