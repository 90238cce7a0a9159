"""neg: the negative."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "neg",
    methods=("neg", "negative", "__neg__"),
    overrides=(
        torch.neg,
        torch.negative,
        torch.ops.aten.neg.default,
        torch.ops.aten.negative.default,
    ),
    linear=True,
    elementwise=True,
    inplace=True,
)
class Neg(Function):
    """y = -x;  gx = -gy."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return -x

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return -gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
