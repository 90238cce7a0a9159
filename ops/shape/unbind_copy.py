"""unbind_copy: all indices of a dimension apart, a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "unbind_copy",
    overrides=(torch.unbind_copy, torch.ops.aten.unbind_copy.int),
    linear=True,
)
class UnbindCopy(Composite):
    """y1, y2, .. = x at each index of dim, copies;  gx = gy1, gy2, .. stacked."""

    @staticmethod
    def forward(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
        return tuple([y.clone(memory_format=torch.contiguous_format) for y in x.unbind(dim)])

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 2))
        yield Sample(make(2, 3), -1)
        yield Sample(make(2, 3), dim=1)
        yield Sample(make.complex(2))
        yield Sample(make(2, 0))
