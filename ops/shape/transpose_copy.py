"""transpose_copy: two dimensions swapped, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "transpose_copy",
    overrides=(torch.transpose_copy, torch.ops.aten.transpose_copy.int),
    linear=True,
)
class TransposeCopy(Composite):
    """y = x with dim0 and dim1 swapped, a copy;  gx = gy swapped back."""

    @staticmethod
    def forward(x: Tensor, dim0: int, dim1: int) -> Tensor:
        return x.transpose(dim0, dim1).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0, 1)
        yield Sample(make(2, 3, 4), -1, 0)
        yield Sample(make.complex(2, 3), dim0=1, dim1=0)
        yield Sample(make(), 0, 0)
        yield Sample(make(0, 3), 0, 1)
