"""bessel_y1: the Bessel function of the second kind of order 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops.bessel_yn import slope as bessel_slope


@op(
    "special::bessel_y1",
    methods=("bessel_y1",),
    overrides=(torch.special.bessel_y1,),
    reference=_bessel_reference.reference(torch.special.bessel_y1, _bessel_reference.bessel_y(1)),
    elementwise=True,
)
class BesselY1(Elementwise):
    """y = Y_1(x);  gx = gy (Y_0(x) - Y_2(x)) / 2.

    DLMF 10.6.1. -inf at 0, where the slope is inf; both are nan below. At inf torch gives nan, and
    so does the gradient.

    The values are torch's, which between 3 and 12 are wrong by up to 8.7e-7, absolute, most near 5,
    and far out by 1e-16 x of their size. The gradient does not use torch's functions, which are as
    wrong: see ``bessel_yn``.
    """

    value = staticmethod(torch.special.bessel_y1)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return bessel_slope(x, 1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.2))
        # Between 3 and 12 torch's values are too wrong for differences of them.
        yield Sample(make(5, low=15, high=40))
        yield Sample(make(low=0.2))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([1e-9, 0.01, 3.6830228565851777, 200.0]))
        yield Sample(make.tensor([0.0, -0.0, 1.0, -1.0]))
