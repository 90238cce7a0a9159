"""unsqueeze_copy: a new dimension of size 1, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "unsqueeze_copy",
    overrides=(torch.unsqueeze_copy, torch.ops.aten.unsqueeze_copy.default),
    linear=True,
)
class UnsqueezeCopy(Composite):
    """y = x with a dimension of size 1 at dim, a copy;  gx = gy in the shape of x."""

    @staticmethod
    def forward(x: Tensor, dim: int) -> Tensor:
        return x.unsqueeze(dim).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 4), -1)
        yield Sample(make(3), dim=1)
        yield Sample(make.complex(2), 0)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
