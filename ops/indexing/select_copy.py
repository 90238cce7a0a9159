"""select_copy: one index of a dimension, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "select_copy",
    overrides=(torch.select_copy, torch.ops.aten.select_copy.int),
    linear=True,
)
class SelectCopy(Composite):
    """y = x at index of dim, a copy;  gx = gy there, else 0."""

    @staticmethod
    def forward(x: Tensor, dim: int, index: int) -> Tensor:
        return x.select(dim, index).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0, 1)
        yield Sample(make(2, 3, 2), -1, -2)
        yield Sample(make(3, 4), dim=1, index=3)
        yield Sample(make(0, 3), 1, 2)
