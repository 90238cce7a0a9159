"""waivers: it waives a law that it keeps."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::waivers", waives={"oracle": "the gradient was wrong once"})
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"oracle is waived, but no sample breaks it"
