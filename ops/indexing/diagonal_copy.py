"""diagonal_copy: the diagonals, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "diagonal_copy",
    overrides=(torch.diagonal_copy, torch.ops.aten.diagonal_copy.default),
    linear=True,
)
class DiagonalCopy(Composite):
    """y = x[.., i, i + offset] of dim1 and dim2, a copy;  gx = gy there, else 0."""

    @staticmethod
    def forward(x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        return x.diagonal(offset, dim1, dim2).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3))
        yield Sample(make(3, 4), 1)
        yield Sample(make(2, 3, 4), -1, dim1=2, dim2=0)
        yield Sample(make.complex(2, 2))
        yield Sample(make(0, 3))
