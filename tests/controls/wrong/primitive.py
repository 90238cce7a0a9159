"""primitive: it has the name of aten's overload, and takes its arguments in another order."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


def _reference(x, alpha, y):
    return torch.rsub(x, y, alpha=alpha)


@pg.op(
    "control::primitive",
    reference=_reference,
    overrides=(torch.ops.aten.rsub.Scalar,),
    promotes=True,
)
class Wrong(pg.Function):
    """z = y - alpha x;  gx = -conj(alpha) gz."""

    @staticmethod
    def forward(ctx, x, alpha, y):
        ctx.alpha = alpha
        return torch.rsub(x, y, alpha=alpha)

    @staticmethod
    def backward(ctx, gz):
        return -ctx.alpha * gz

    @staticmethod
    def samples(make):
        yield Sample(make(3), 2, 5)


MESSAGE = r"argument 2 is 'alpha', but forward's is 'y'"
