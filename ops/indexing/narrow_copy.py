"""narrow_copy: a range of a dimension, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "narrow_copy",
    overrides=(torch.narrow_copy, torch.ops.aten.narrow_copy.default),
    linear=True,
)
class NarrowCopy(Composite):
    """y = x from start on, length long, along dim, a copy;  gx = gy there, else 0."""

    @staticmethod
    def forward(x: Tensor, dim: int, start: int, length: int) -> Tensor:
        return x.narrow(dim, start, length).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2), 0, 1, 3)
        yield Sample(make(2, 5), -1, -3, 2)
        yield Sample(make(5), dim=0, start=0, length=5)
        yield Sample(make(5), 0, 5, 0)
        yield Sample(make.complex(3), 0, 1, 2)
        yield Sample(make(0, 3), 1, 1, 1)
