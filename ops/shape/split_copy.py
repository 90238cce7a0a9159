"""split_copy: pieces of one size along a dimension, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "split_copy",
    overrides=(torch.split_copy, torch.ops.aten.split_copy.Tensor),
    linear=True,
)
class SplitCopy(Composite):
    """y1, y2, .. = x cut along dim, copies;  gx = gy1, gy2, .. put together."""

    @staticmethod
    def forward(x: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
        pieces = x.split(split_size, dim)  # type: ignore[no-untyped-call]
        return tuple([y.clone(memory_format=torch.contiguous_format) for y in pieces])

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2), 2)
        yield Sample(make(2, 5), 3, -1)
        yield Sample(make(2, 5), split_size=2, dim=1)
        yield Sample(make.complex(4), 2)
        yield Sample(make(0, 3), 2)
