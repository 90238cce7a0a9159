"""remainder: what a division rounded down leaves."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "remainder",
    methods=("remainder", "__mod__", "__rmod__"),
    overrides=(
        torch.remainder,
        torch.ops.aten.remainder.Tensor,
        torch.ops.aten.remainder.Scalar,
        torch.ops.aten.remainder.Scalar_Tensor,
    ),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Remainder(Function):
    """z = x - y floor(x / y), with the sign of y;  gx = gz, gy = -gz floor(x / y).

    Also at the jumps.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(*((x, y) if ctx.needs_input_grad[1] else (None, None)))
        return torch.remainder(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor | None]:
        x, y = ctx.saved_tensors
        return gz, -gz * (x // y) if ctx.needs_input_grad[1] else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.nonzero(3, 4))
        yield Sample(make(3, 1), make.nonzero(2, 1, 4))
        yield Sample(make(3), make.nonzero(3)).constant(0)
        yield Sample(make(3), make.nonzero(3)).constant(1)
        yield Sample(make(3), 0.7)
        yield Sample(2.5, make.nonzero(3))
        yield Sample(make.integers(3), 2)
        yield Sample(make.integers(3), make.nonzero(3))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make.nonzero())
        yield Sample(make.tensor([4.5, -3.0, 0.5]), make.tensor([1.0, 2.0, 3.0]))
        yield Sample(make.tensor([4.0, -3.0]), make.tensor([2.0, 1.5])).at_kink()
