"""isnan: which elements are nan."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "isnan",
    methods=("isnan",),
    overrides=(torch.isnan, torch.ops.aten.isnan.default),
    elementwise=True,
    differentiable=False,
)
class IsNan(Function):
    """y = whether x is nan; of a complex x, either part is. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.isnan(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.tensor([1.0, float("inf"), -float("inf"), float("nan")]))
        yield Sample(make.complex(3))
        yield Sample(make.integers(3))
        yield Sample(make())
        yield Sample(make(0, 3))
