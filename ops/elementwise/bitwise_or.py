"""bitwise_or: x | y, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "bitwise_or",
    methods=("bitwise_or", "__or__", "__ror__"),
    overrides=(
        torch.bitwise_or,
        torch.ops.aten.bitwise_or.Tensor,
        torch.ops.aten.bitwise_or.Scalar,
        torch.ops.aten.bitwise_or.Scalar_Tensor,
    ),
    elementwise=True,
    differentiable=False,
    inplace=True,
)
class BitwiseOr(Function):
    """z = x | y for booleans and integers. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        return torch.bitwise_or(x, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.booleans(3, 4), make.booleans(3, 4))
        yield Sample(make.booleans(3, 1), make.booleans(2, 1, 4))
        yield Sample(make.integers(3), make.integers(3))
        yield Sample(make.integers(3), 2)
        yield Sample(6, make.integers(3))
        yield Sample(make.booleans(), make.booleans(2))
        yield Sample(make.booleans(0, 3), make.booleans(3))
