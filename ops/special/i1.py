"""special.i1: the modified Bessel function of order 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op
from plugrad.ops.special._bessel import NEAR, i1_slope_near_0


@op(
    "i1",
    overrides=(torch.special.i1, torch.ops.aten.special_i1.default),
    elementwise=True,
)
class I1(Elementwise):
    """y = I1(x);  gx = gy (I0(x) - y / x), by its series near 0. Abramowitz and Stegun 9.6.28."""

    needs = "xy"
    value = staticmethod(torch.special.i1)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        near = x.abs() < NEAR
        far = torch.where(near, 1.0, x)
        return torch.where(near, i1_slope_near_0(torch.where(near, x, 0.0)), torch.i0(x) - y / far)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        at_0 = Sample(make.tensor([0.0, -9.0, 1.0]))
        yield at_0.waive("third-order", "torch takes the slope for a constant at 0")
