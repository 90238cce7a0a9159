"""logical_and: x and y, as truth values."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "logical_and",
    methods=("logical_and",),
    overrides=(torch.logical_and, torch.ops.aten.logical_and.default),
    elementwise=True,
    differentiable=False,
    inplace=True,
)
class LogicalAnd(Function):
    """z = x and y, where every number but 0 counts as True. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        return torch.logical_and(x, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.booleans(3, 4), make.booleans(3, 4))
        yield Sample(make.booleans(3, 1), make.booleans(2, 1, 4))
        yield Sample(make.tensor([0.0, 1.0, -2.0]), make.booleans(3))
        yield Sample(make.complex(3), make.integers(3))
        yield Sample(make.booleans(), make.booleans(2))
        yield Sample(make.booleans(0, 3), make.booleans(3))
