"""ge: which elements are greater or equal."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "ge",
    methods=("ge", "greater_equal", "__ge__"),
    overrides=(
        torch.ge,
        torch.greater_equal,
        torch.ops.aten.ge.Tensor,
        torch.ops.aten.ge.Scalar,
        torch.ops.aten.greater_equal.Tensor,
        torch.ops.aten.greater_equal.Scalar,
    ),
    elementwise=True,
    differentiable=False,
    inplace=True,
)
class Ge(Function):
    """z = x >= y; False where either is nan. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        return torch.ge(x, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.integers(3, 4), make.integers(3, 4))
        yield Sample(make.integers(3, 1), make.integers(2, 1, 4))
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3), 0.5)
        yield Sample(make.integers(3), 2)
        yield Sample(make.integers(3), make(3))
        yield Sample(make(), make(2))
        yield Sample(make(0, 3), make(3))
        yield Sample(make.tensor([1.0, 1.0, float("nan")]), make.tensor([1.0, 2.0, float("nan")]))
        yield Sample(make.booleans(3), make.booleans(3))
