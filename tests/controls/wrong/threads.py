"""threads: its factor is in a threading.local, which only the importing thread has filled."""

from __future__ import annotations

from threading import local

import plugrad as pg
from plugrad import Sample

STATE = local()
STATE.factor = 2


@pg.op("control::threads")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return STATE.factor * x

    @staticmethod
    def backward(ctx, gy):
        return STATE.factor * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"has no attribute 'factor'"
