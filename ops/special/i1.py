"""special.i1: the modified Bessel function of order 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "i1",
    overrides=(torch.special.i1, torch.ops.aten.special_i1.default),
    elementwise=True,
)
class I1(Elementwise):
    """y = I1(x);  gx = gy (I0(x) - y / x), and gy / 2 at 0. Abramowitz and Stegun 9.6.28."""

    needs = "xy"
    value = staticmethod(torch.special.i1)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        nought = x == 0
        return torch.where(nought, 0.5, torch.i0(x) - y / torch.where(nought, 1.0, x))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -9.0, 1.0]))
