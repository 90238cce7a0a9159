"""cos: the cosine."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "cos",
    methods=("cos",),
    overrides=(torch.cos, torch.ops.aten.cos.default),
    elementwise=True,
    inplace=True,
)
class Cos(Elementwise):
    """y = cos(x), x in radians;  gx = -gy conj(sin(x))."""

    value = staticmethod(torch.cos)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return -x.sin()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
