"""isinf: which elements are infinite, of either sign."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "isinf",
    methods=("isinf",),
    overrides=(torch.isinf, torch.ops.aten.isinf.default),
    elementwise=True,
    differentiable=False,
)
class IsInf(Function):
    """y = whether x is infinite, of either sign; of a complex x, either part is. No gradient."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.isinf(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.tensor([1.0, float("inf"), -float("inf"), float("nan")]))
        yield Sample(make.complex(3))
        yield Sample(make.integers(3))
        yield Sample(make())
        yield Sample(make(0, 3))
