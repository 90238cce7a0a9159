"""mT: a batch of matrices, each with rows and columns swapped."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "mT",
    properties=("mT",),
    reference=attrgetter("mT"),
    overrides=(torch.ops.aten.mT.default,),
    linear=True,
    view=True,
)
class MT(Function):
    """y[.., i, j] = x[.., j, i], a view;  gx = gy.mT."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return x.mT

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.mT

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(2, 3, 4))
        yield Sample(make.complex(2, 3, 1))
        yield Sample(make(2, 0, 3))
