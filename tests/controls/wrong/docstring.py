"""docstring: the docstring has no formula."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::docstring")
class Wrong(pg.Function):
    """Twice the input."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"no formula: 'Twice the input\.'"
