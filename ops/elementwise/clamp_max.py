"""clamp_max: clamp with the bound above only."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "clamp_max",
    methods=("clamp_max",),
    overrides=(torch.clamp_max, torch.ops.aten.clamp_max.default, torch.ops.aten.clamp_max.Tensor),
    inplace=True,
)
class ClampMax(Composite):
    """y = min(x, max), as clamp(x, max=max)."""

    @staticmethod
    def forward(x: Tensor, max: Tensor) -> Tensor:
        return torch.clamp(x, max=max)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0.5)
        yield Sample(make(3, 4), max=-0.5)
        yield Sample(make(3, 4), make(3, 1))
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 0)
        yield Sample(make.tensor([-1.0, 0.0, 1.0]), 0).at_kink()
        yield Sample(make.tensor([-1.0, 0.0, 1.0]), make.tensor([0.0])).at_kink()
