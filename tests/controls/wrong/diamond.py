"""diamond: it divides by how often its input was used, as if the engine did not add."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample
from plugrad.core.installed_torch import torch_before


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


ALSO = {"to-library": "the tracer computes the gradient twice too"} if torch_before("2.14") else {}
MESSAGE = r"twice"
