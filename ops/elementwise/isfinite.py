"""isfinite: which elements are neither infinite nor nan."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "isfinite",
    methods=("isfinite",),
    overrides=(torch.isfinite, torch.ops.aten.isfinite.default),
    elementwise=True,
    differentiable=False,
)
class IsFinite(Function):
    """y = whether x is neither infinite nor nan; of a complex x, both parts. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.isfinite(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.tensor([1.0, float("inf"), -float("inf"), float("nan")]))
        yield Sample(make.complex(3))
        yield Sample(make.integers(3))
        yield Sample(make())
        yield Sample(make(0, 3))
