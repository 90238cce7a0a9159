"""unfold_copy: all windows of one size along a dimension, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "unfold_copy",
    overrides=(torch.unfold_copy, torch.ops.aten.unfold_copy.default),
    linear=True,
)
class UnfoldCopy(Composite):
    """y = x's windows along dimension, a copy;  gx = the sums of gy there."""

    @staticmethod
    def forward(x: Tensor, dimension: int, size: int, step: int) -> Tensor:
        return x.unfold(dimension, size, step).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5), 0, 2, 1)
        yield Sample(make(2, 5, 2), -2, 3, 2)
        yield Sample(make(3, 4), dimension=1, size=4, step=1)
        yield Sample(make.complex(4), 0, 2, 2)
        yield Sample(make(0, 4), 1, 2, 1)
