"""logical_xor: either x or y, as truth values."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "logical_xor",
    methods=("logical_xor",),
    overrides=(torch.logical_xor, torch.ops.aten.logical_xor.default),
    elementwise=True,
    differentiable=False,
    inplace=True,
)
class LogicalXor(Function):
    """z = either x or y, where every number but 0 counts as True. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        return torch.logical_xor(x, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.booleans(3, 4), make.booleans(3, 4))
        yield Sample(make.booleans(3, 1), make.booleans(2, 1, 4))
        yield Sample(make.tensor([0.0, 1.0, -2.0]), make.booleans(3))
        yield Sample(make.complex(3), make.integers(3))
        yield Sample(make.booleans(), make.booleans(2))
        yield Sample(make.booleans(0, 3), make.booleans(3))
