"""i0: the modified Bessel function of order 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "i0",
    methods=("i0",),
    overrides=(torch.i0, torch.special.i0, torch.ops.aten.i0.default),
    elementwise=True,
    inplace=True,
)
class I0(Elementwise):
    """y = I0(x);  gx = gy I1(x)."""

    value = staticmethod(torch.i0)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return torch.special.i1(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -9.0, 1.0]))
