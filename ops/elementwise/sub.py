"""sub: the elementwise difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op(
    "sub",
    methods=("sub", "subtract", "__sub__", "__rsub__"),
    overrides=(
        torch.sub,
        torch.subtract,
        torch.ops.aten.sub.Tensor,
        torch.ops.aten.subtract.Tensor,
    ),
    broadcasts=True,
    linear=True,
    elementwise=True,
    inplace=True,
)
class Sub(Function):
    """z = x - alpha y;  gx = gz, gy = -conj(alpha) gz."""

    ctx_defaults: ClassVar = {"alpha": 1}

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, *, alpha: complex = 1) -> Tensor:
        if alpha == 1 and alpha.__class__ is int:  # True and 1.0 have rules of their own
            return x - y
        ctx.alpha = number(alpha)
        return torch.sub(x, y, alpha=alpha)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor | None]:
        if not ctx.needs_input_grad[1]:
            return gz, None
        alpha = ctx.alpha
        return gz, -gz if alpha == 1 else gz * -alpha.conjugate()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), 2.5)
        yield Sample(make(3), make(2, 3), alpha=-0.5)
        yield Sample(make(3), make(3), alpha=1.0)
        yield Sample(make(3), 2, alpha=3)
        yield Sample(2.5, make(3))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make.complex(3), make(3), alpha=2 + 1j)
        yield Sample(make(3), make.complex(2, 3))
        yield Sample(make(3), 1j)
        yield Sample(make.integers(3), make(3))
        yield Sample(make.integers(3), make.integers(3), alpha=2)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make(2))
