"""sinh: the hyperbolic sine."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "sinh",
    methods=("sinh",),
    overrides=(torch.sinh, torch.ops.aten.sinh.default),
    elementwise=True,
    inplace=True,
)
class Sinh(Elementwise):
    """y = sinh(x);  gx = gy conj(cosh(x))."""

    value = staticmethod(torch.sinh)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return x.cosh()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 0.5]))
