"""determinism: each call rounds otherwise, as a sum in the order of threads does."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::determinism")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    calls = 0

    @staticmethod
    def forward(ctx, x):
        Wrong.calls += 1
        ctx.call = Wrong.calls
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return (2 + 1e-15 * (ctx.call % 1000)) * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"a second run gives another gradient"
ALSO = {
    "interleaved": "it compares two calls bit for bit",
    "threads": "it compares two calls bit for bit",
}
