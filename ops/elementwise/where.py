"""where: one of two elements, as a condition says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "where",
    overrides=(
        torch.where,
        torch.ops.aten.where.self,
        torch.ops.aten.where.ScalarOther,
        torch.ops.aten.where.ScalarSelf,
        torch.ops.aten.where.Scalar,
    ),
    aliases={"input": "x", "self": "x", "other": "y"},
    broadcasts=True,
    linear=True,
    elementwise=True,
)
class Where(Function):
    """z = x where condition holds, else y;  gz goes to the chosen one, 0 to the other.

    x and y are tensors or numbers. Without them the indices at which condition holds are
    returned, one tensor per dimension.
    """

    @staticmethod
    def forward(ctx: Context, condition: Tensor, x: Any = None, y: Any = None) -> Any:
        if x is None and y is None:
            return torch.where(condition)
        ctx.save_for_backward(condition)
        return torch.where(condition, x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        (condition,) = ctx.saved_tensors
        _, need_gx, need_gy = ctx.needs_input_grad
        gx = torch.where(condition, gz, 0) if need_gx else None
        gy = torch.where(condition, 0, gz) if need_gy else None
        return None, gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.booleans(3, 4), make(3, 4), make(3, 4))
        yield Sample(make.booleans(3, 1), make(2, 1, 4), make(4))
        yield Sample(make.booleans(2, 3, 4), make(), make(4))
        yield Sample(make.booleans(3), make(3), 2.5)
        yield Sample(make.booleans(3), 2, make(3))
        yield Sample(make.booleans(3), 1, 2)
        yield Sample(make.booleans(3), input=make(3), other=make(3))
        yield Sample(make.booleans(3), make.complex(3), make(3)).constant(2)
        yield Sample(make.booleans(3), make(3), 1j)
        yield Sample(make.booleans(3), make.integers(3), make(3))
        yield Sample(make.booleans(3), make(3), make(3)).constant(1)
        yield Sample(make.booleans(3), make(3), make(3)).constant(2)
        yield Sample(make.booleans(), make(), make())
        yield Sample(make.booleans(0, 3), make(3), make(1, 3))
        yield Sample(make.booleans(3, 4))
        yield Sample(make.booleans())
