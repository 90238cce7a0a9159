"""special.i0e: the modified Bessel function of order 0, scaled."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op
from plugrad.ops.special._bessel import with_slope_far_out


@op(
    "i0e",
    overrides=(torch.special.i0e, torch.ops.aten.special_i0e.default),
    elementwise=True,
)
class I0e(Elementwise):
    """y = exp(-|x|) I0(x);  gx = gy (exp(-|x|) I1(x) - sign(x) y), which is 0 at 0.

    Beyond 30 by its series: Abramowitz and Stegun 9.7.1.
    """

    needs = "xy"
    value = staticmethod(torch.special.i0e)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return with_slope_far_out(torch.special.i1e(x) - x.sign() * y, x, 0)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-900.0, 40.0, 1.0]))
        yield Sample(make.tensor([float("inf"), -float("inf"), 1.0]))
