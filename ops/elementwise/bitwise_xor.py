"""bitwise_xor: x ^ y, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "bitwise_xor",
    methods=("bitwise_xor", "__xor__", "__rxor__"),
    overrides=(
        torch.bitwise_xor,
        torch.ops.aten.bitwise_xor.Tensor,
        torch.ops.aten.bitwise_xor.Scalar,
        torch.ops.aten.bitwise_xor.Scalar_Tensor,
    ),
    elementwise=True,
    differentiable=False,
    inplace=True,
)
class BitwiseXor(Function):
    """z = x ^ y for booleans and integers. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        return torch.bitwise_xor(x, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.booleans(3, 4), make.booleans(3, 4))
        yield Sample(make.booleans(3, 1), make.booleans(2, 1, 4))
        yield Sample(make.integers(3), make.integers(3))
        yield Sample(make.integers(3), 2)
        yield Sample(6, make.integers(3))
        yield Sample(make.booleans(), make.booleans(2))
        yield Sample(make.booleans(0, 3), make.booleans(3))
