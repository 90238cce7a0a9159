"""name: the op's name is not made of identifiers."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample
from plugrad.core.declaration import Declaration


class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    # @op would refuse this name; a pack that builds its declarations itself need not.
    declaration = Declaration("control::not a name")

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"'control::not a name' is not a legal name"
