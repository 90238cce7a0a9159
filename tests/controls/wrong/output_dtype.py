"""output-dtype: forward computes in float32, whatever it is given; all else follows from that."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::output_dtype")
class Wrong(pg.Function):
    """y = x², in float32;  gx = 2 gy x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.float() ** 2

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x.float()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = "a float64 input gives a float32 output"
