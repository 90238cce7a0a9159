"""view_copy: the same elements in another shape, a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "view_copy",
    overrides=(torch.view_copy, torch.ops.aten.view_copy.default),
    linear=True,
)
class ViewCopy(Composite):
    """y = x in the shape given, a copy;  gx = gy in the shape of x."""

    @staticmethod
    def forward(x: Tensor, size: Sequence[int]) -> Tensor:
        return x.reshape(size).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), (2, 6))
        yield Sample(make(3, 4), [2, -1])
        yield Sample(make(3, 4), size=(12,))
        yield Sample(make.complex(2, 3), (3, 2))
        yield Sample(make(0, 3), (3, 0))
        yield Sample(make(), (1, 1))
