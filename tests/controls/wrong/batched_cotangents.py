"""batched-cotangents: backward asks for a number, which a batch of cotangents does not have."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::batched_cotangents")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        largest = gy.detach().abs().sum().item()
        return 2 * gy + 0 * largest

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"vmap|batch"
