"""reshape_as: the same elements in the shape of another tensor."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "reshape_as",
    methods=("reshape_as",),
    reference=torch.Tensor.reshape_as,
    overrides=(torch.ops.aten.reshape_as.default,),
    linear=True,
    view=True,
)
class ReshapeAs(Composite):
    """z = x in the shape of y;  gx = gz in the shape of x, gy = 0."""

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        return x.reshape(y.shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.integers(2, 6))
        yield Sample(make(3, 4), make(12))
        yield Sample(make.complex(2, 3), make(3, 2))
        yield Sample(make(0, 3), make(3, 0))
        yield Sample(make(1), make())
