"""argmin: where the smallest element is."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "argmin",
    methods=("argmin",),
    overrides=(torch.argmin, torch.ops.aten.argmin.default),
    differentiable=False,
)
class Argmin(Function):
    """y = the index of the smallest element along dim, or in x flattened; no gradient.

    Of several it is the first; a nan wins over every number.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return torch.argmin(x, dim, keepdim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(3, 4))
        yield Sample(make.distinct(3, 4), 1)
        yield Sample(make.distinct(3, 4), -2, True)
        yield Sample(make.distinct(3, 4), dim=None, keepdim=True)
        yield Sample(make.tensor([1.0, float("nan"), 3.0]))
        yield Sample(make.integers(3, 4), dim=0, keepdim=True)
        yield Sample(make())
        yield Sample(make(0, 3), 1)
