"""alias_copy: a tensor, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "alias_copy",
    overrides=(torch.alias_copy, torch.ops.aten.alias_copy.default),
    linear=True,
)
class AliasCopy(Composite):
    """y = x, a copy;  gx = gy."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(3))
        yield Sample(make())
        yield Sample(make(0, 3))
