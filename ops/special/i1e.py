"""special.i1e: the modified Bessel function of order 1, scaled."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op
from plugrad.ops.special._bessel import NEAR, i1_slope_near_0, with_slope_far_out


@op(
    "i1e",
    overrides=(torch.special.i1e, torch.ops.aten.special_i1e.default),
    elementwise=True,
)
class I1e(Elementwise):
    """y = exp(-|x|) I1(x);  gx = gy (exp(-|x|) I1'(x) - sign(x) y).

    I1'(x) = I0(x) - I1(x) / x, by its series near 0: Abramowitz and Stegun 9.6.28; beyond 30 gx
    is by its own series: 9.7.1.
    """

    needs = "xy"
    value = staticmethod(torch.special.i1e)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        near = x.abs() < NEAR
        far = torch.where(near, 1.0, x)
        of_i1 = torch.special.i0e(x) - y / far
        series = (-x.abs()).exp() * i1_slope_near_0(torch.where(near, x, 0.0))
        slope = torch.where(near, series, of_i1) - x.sign() * y
        return with_slope_far_out(slope, x, 1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([float("inf"), -float("inf"), 1.0]))
        at_0 = Sample(make.tensor([0.0, -900.0, 1.0]))
        yield at_0.waive("third-order", "torch takes the slope for a constant at 0")
