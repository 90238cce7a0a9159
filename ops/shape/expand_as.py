"""expand_as: broadcast to the shape of another tensor."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "expand_as",
    methods=("expand_as",),
    reference=torch.Tensor.expand_as,
    overrides=(torch.ops.aten.expand_as.default,),
    linear=True,
    view=True,
)
class ExpandAs(Composite):
    """z = x broadcast to the shape of y;  gx = gz summed to the shape of x, gy = 0."""

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        return x.expand(y.shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 1), make(2, 3, 4))
        yield Sample(make(3), make.integers(3))
        yield Sample(make.complex(1), make(3, 2))
        yield Sample(make(1, 3), make(0, 3))
        yield Sample(make(), make(2))
