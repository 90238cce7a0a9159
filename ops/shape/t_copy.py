"""t_copy: a matrix with rows and columns swapped, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "t_copy",
    overrides=(torch.t_copy, torch.ops.aten.t_copy.default),
    linear=True,
)
class TCopy(Composite):
    """y = x with its two dimensions swapped, a copy;  gx = gy swapped back."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.t().clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3))
        yield Sample(make())
        yield Sample(make.complex(2, 3))
        yield Sample(make(0, 3))
