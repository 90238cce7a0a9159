"""inplace-declared: torch has an in-place method of this name, and the op does not say so."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::inplace_declared", methods=("sparse_resize",))
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


MESSAGE = r"torch.Tensor has sparse_resize_, but the op does not: declare inplace=True"
