"""type_as: a copy of another tensor's dtype, on its device."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "type_as",
    methods=("type_as",),
    reference=torch.Tensor.type_as,
    overrides=(torch.ops.aten.type_as.default,),
    linear=True,
    view=True,
)
class TypeAs(Composite):
    """z = x cast to the dtype of y;  gx = gz cast back, gy = 0.

    Where there is nothing to cast or move, z is x itself.
    """

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        return x.to(y.device, y.dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(2, dtype=torch.float32)).constant(1)
        yield Sample(make(3, dtype=torch.float32), make.complex(2)).constant(1)
        yield Sample(make(3), make.integers(2))
        yield Sample(make.integers(3), make(2)).constant(1)
        yield Sample(make(), make(0)).constant(1)
