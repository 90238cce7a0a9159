"""floor_divide: the quotient rounded down."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


def _reference(x: Tensor, y: Tensor) -> Tensor:
    return torch.div(torch.as_tensor(x), y, rounding_mode="floor")


@op(
    "floor_divide",
    methods=("floor_divide", "__floordiv__", "__rfloordiv__"),
    overrides=(
        torch.floor_divide,
        torch.ops.aten.floor_divide.default,
        torch.ops.aten.floor_divide.Scalar,
    ),
    reference=_reference,
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class FloorDivide(Function):
    """z = floor(x / y);  gx = 0, gy = 0, also at the jumps. torch has no gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        return x // y

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gy = ctx.needs_input_grad
        gx = torch.zeros_like(gz) if need_gx else None
        return gx, torch.zeros_like(gz) if need_gy else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.nonzero(3, 4))
        yield Sample(make(3, 1), make.nonzero(2, 1, 4))
        yield Sample(make(3), make.nonzero(3)).constant(0)
        yield Sample(make(3), make.nonzero(3)).constant(1)
        yield Sample(make(3), 0.7)
        yield Sample(2.5, make.nonzero(3))
        yield Sample(make.integers(3), 2)
        yield Sample(make.integers(3), make.integers(3, low=1))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make.nonzero())
        yield Sample(make.tensor([4.0, -3.0]), make.tensor([2.0, 1.5])).at_kink()
