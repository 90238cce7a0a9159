"""ceil: the smallest integer not below x."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "ceil",
    methods=("ceil",),
    overrides=(torch.ceil, torch.ops.aten.ceil.default),
    elementwise=True,
    inplace=True,
)
class Ceil(Function):
    """y = ceil(x);  gx = 0, also at the jumps."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.ceil(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.zeros_like(gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-2.0, -1.5, -0.0, 0.0, 0.5, 1.0, 2.5])).at_kink()
