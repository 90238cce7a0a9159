"""slice_copy: every step-th index of a dimension, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "slice_copy",
    overrides=(torch.slice_copy, torch.ops.aten.slice_copy.Tensor),
    linear=True,
)
class SliceCopy(Composite):
    """y = x[start:end:step] along dim, a copy;  gx = gy there, else 0."""

    @staticmethod
    def forward(
        x: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
    ) -> Tensor:
        y: Tensor = torch.ops.aten.slice.Tensor(x, dim, start, end, step)
        return y.clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2))
        yield Sample(make(5, 2), 0, 1, 4)
        yield Sample(make(2, 5), -1, None, -1, 2)
        yield Sample(make(5), start=3)
        yield Sample(make(0, 3), 1, 1, 3)
