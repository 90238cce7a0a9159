"""positive: the tensor itself, unary plus."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "positive",
    methods=("positive", "__pos__"),
    overrides=(torch.positive,),
    linear=True,
    elementwise=True,
    view=True,
)
class Positive(Function):
    """y = x;  gx = gy. A boolean x is an error."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.positive(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
