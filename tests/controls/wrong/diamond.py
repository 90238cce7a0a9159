"""diamond: it divides by how often its input was used, as if the engine did not add."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::diamond")
class Wrong(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        x.uses = getattr(x, "uses", [])
        x.uses.append("once more")
        ctx.uses = x.uses
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 / len(ctx.uses) * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"twice"
