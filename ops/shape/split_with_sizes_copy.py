"""split_with_sizes_copy: pieces of given sizes along a dimension, a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "split_with_sizes_copy",
    overrides=(torch.split_with_sizes_copy, torch.ops.aten.split_with_sizes_copy.default),
    linear=True,
)
class SplitWithSizesCopy(Composite):
    """y1, y2, .. = x cut along dim, copies;  gx = gy1, gy2, .. put together."""

    @staticmethod
    def forward(x: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        pieces = x.split(split_sizes, dim)  # type: ignore[no-untyped-call]
        return tuple([y.clone(memory_format=torch.contiguous_format) for y in pieces])

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2), [1, 0, 4])
        yield Sample(make(2, 5), (2, 3), -1)
        yield Sample(make(2, 5), split_sizes=[5], dim=1)
        yield Sample(make.complex(4), (1, 3))
        yield Sample(make(0, 3), [0])
