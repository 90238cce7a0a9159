"""permute_copy: the dimensions in another order, a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "permute_copy",
    overrides=(torch.permute_copy, torch.ops.aten.permute_copy.default),
    linear=True,
)
class PermuteCopy(Composite):
    """y = x with dimension dims[i] as the i-th, a copy;  gx = gy with the inverse order."""

    @staticmethod
    def forward(x: Tensor, dims: Sequence[int]) -> Tensor:
        y = x.permute(dims)  # type: ignore[call-overload]
        made: Tensor = y.clone(memory_format=torch.contiguous_format)
        return made

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), (1, 0))
        yield Sample(make(2, 3, 4), [-1, 0, -2])
        yield Sample(make.complex(2, 3), dims=(1, 0))
        yield Sample(make(0, 3), (1, 0))
        yield Sample(make(), ())
