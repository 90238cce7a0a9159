"""clamp_min: clamp with the bound below only."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "clamp_min",
    methods=("clamp_min",),
    overrides=(torch.clamp_min, torch.ops.aten.clamp_min.default, torch.ops.aten.clamp_min.Tensor),
    inplace=True,
)
class ClampMin(Composite):
    """y = max(x, min), as clamp(x, min=min)."""

    @staticmethod
    def forward(x: Tensor, min: Tensor) -> Tensor:
        return torch.clamp(x, min=min)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0.5)
        yield Sample(make(3, 4), min=-0.5)
        yield Sample(make(3, 4), make(3, 1))
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 0)
        yield Sample(make.tensor([-1.0, 0.0, 1.0]), 0).at_kink()
        yield Sample(make.tensor([-1.0, 0.0, 1.0]), make.tensor([0.0])).at_kink()
