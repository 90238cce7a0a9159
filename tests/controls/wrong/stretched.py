"""stretched: the rule is wrong beyond 1, where no sample goes."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::stretched")
class Wrong(pg.Function):
    """y = x, but at most 1 and at least -1;  gx = gy, which is wrong beyond."""

    @staticmethod
    def forward(ctx, x):
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx, gy):
        return gy.clone()

    @staticmethod
    def samples(make):
        yield Sample(make(4, low=-0.9, high=0.9))


MESSAGE = r"wrong for inputs times 10: gradient of x"
