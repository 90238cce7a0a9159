"""logical_not: which elements are zero."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "logical_not",
    methods=("logical_not",),
    overrides=(torch.logical_not, torch.ops.aten.logical_not.default),
    elementwise=True,
    differentiable=False,
    inplace=True,
)
class LogicalNot(Function):
    """y = not x, where every number but 0 counts as True. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.logical_not(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.booleans(3, 4))
        yield Sample(make.tensor([0.0, 1.0, -2.0]))
        yield Sample(make.complex(3))
        yield Sample(make.integers(3))
        yield Sample(make.booleans())
        yield Sample(make.booleans(0, 3))
