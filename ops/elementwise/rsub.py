"""rsub: the elementwise difference, from the second operand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op(
    "rsub",
    overrides=(torch.rsub, torch.ops.aten.rsub.Tensor),
    broadcasts=True,
    linear=True,
    elementwise=True,
)
class Rsub(Function):
    """z = y - alpha x;  gx = -conj(alpha) gz, gy = gz."""

    ctx_defaults: ClassVar = {"alpha": 1}

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, *, alpha: complex = 1) -> Tensor:
        ctx.alpha = number(alpha)
        return torch.rsub(x, y, alpha=alpha)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor]:
        alpha = ctx.alpha
        if not ctx.needs_input_grad[0]:
            return None, gz
        return -gz if alpha == 1 else gz * -alpha.conjugate(), gz

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), 2.5)
        yield Sample(make(3), make(2, 3), alpha=-0.5)
        yield Sample(make(3), 2, alpha=3)
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make.complex(3), make(3), alpha=2 + 1j)
        yield Sample(make(3), make.complex(2, 3))
        yield Sample(make(3), 1j)
        yield Sample(make.integers(3), make(3))
        yield Sample(make.integers(3), make.integers(3), alpha=2)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make(2))
