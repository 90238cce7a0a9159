"""neg-view: forward reads memory past the negative bit."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


def double(x):
    """2x."""
    return 2 * x


@pg.op("control::neg_view", reference=double)
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        x = x.resolve_conj()
        memory = x.new_empty(0).set_(x.untyped_storage(), x.storage_offset(), x.shape, x.stride())
        return 2 * memory

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"neg"
