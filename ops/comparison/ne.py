"""ne: which elements are not equal."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "ne",
    methods=("ne", "not_equal", "__ne__"),
    overrides=(
        torch.ne,
        torch.not_equal,
        torch.ops.aten.ne.Tensor,
        torch.ops.aten.ne.Scalar,
        torch.ops.aten.not_equal.Tensor,
        torch.ops.aten.not_equal.Scalar,
    ),
    elementwise=True,
    differentiable=False,
    inplace=True,
)
class Ne(Function):
    """z = x != y; nan equals nothing, itself included. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        return torch.ne(x, y)

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
        yield Sample(make.complex(3), make.complex(3))
        yield Sample(make.complex(3), 1j)
        yield Sample(make.booleans(3), True)
