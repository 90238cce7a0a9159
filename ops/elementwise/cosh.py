"""cosh: the hyperbolic cosine."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "cosh",
    methods=("cosh",),
    overrides=(torch.cosh, torch.ops.aten.cosh.default),
    elementwise=True,
    inplace=True,
)
class Cosh(Elementwise):
    """y = cosh(x);  gx = gy conj(sinh(x))."""

    value = staticmethod(torch.cosh)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return x.sinh()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
