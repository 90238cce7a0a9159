"""zero: zeros in place of what is there."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.creation._random import Filled


def _reference(x: Tensor) -> Tensor:
    return x.clone().zero_()


@op("zero", reference=_reference, overrides=(torch.ops.aten.zero.default,), inplace=("zero_",))
class Zero(Filled):
    """y = 0 in each element of x's shape and dtype;  gx = 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(2, 3, 4))
        yield Sample(make.complex(3))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.integers(3))
