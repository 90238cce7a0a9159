"""view_as: the same elements in the shape of another tensor."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "view_as",
    methods=("view_as",),
    reference=torch.Tensor.view_as,
    overrides=(torch.ops.aten.view_as.default,),
    linear=True,
    view=True,
)
class ViewAs(Composite):
    """z = x in the shape of y;  gx = gz in the shape of x, gy = 0."""

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        return x.view(y.shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.integers(3, 2, 2))
        yield Sample(make(12), make(3, 4))
        yield Sample(make.complex(2, 3), make(2, 1, 3))
        yield Sample(make(0, 3), make(3, 0))
        yield Sample(make(1), make())
