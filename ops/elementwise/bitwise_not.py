"""bitwise_not: every bit flipped; of a boolean, its opposite."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "bitwise_not",
    methods=("bitwise_not", "__invert__"),
    overrides=(torch.bitwise_not, torch.ops.aten.bitwise_not.default),
    elementwise=True,
    differentiable=False,
    inplace=True,
)
class BitwiseNot(Function):
    """y = ~x for booleans and integers. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.bitwise_not(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.booleans(3, 4))
        yield Sample(make.integers(3))
        yield Sample(make.booleans())
        yield Sample(make.booleans(0, 3))
