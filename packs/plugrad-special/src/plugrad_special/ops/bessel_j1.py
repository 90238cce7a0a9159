"""bessel_j1: the Bessel function of the first kind of order 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops.bessel_jn import BesselJn


@op(
    "special::bessel_j1",
    methods=("bessel_j1",),
    overrides=(torch.special.bessel_j1,),
    reference=_bessel_reference.reference(torch.special.bessel_j1, _bessel_reference.bessel_j(1)),
    elementwise=True,
)
class BesselJ1(Elementwise):
    """y = J_1(x);  gx = gy (J_0(x) - J_2(x)) / 2.

    DLMF 10.6.1. Defined for every x, and odd. It is J_0(x) - J_1(x)/x without the 0/0 at 0, where
    the slope is 1/2. At inf torch gives nan, and so does the gradient.

    The values are torch's, which between 3 and 12 are wrong by up to 4.7e-7, absolute, most near 5,
    and far out by 1e-16 |x| of their size. The gradient does not use torch's functions, which are
    as wrong: see ``bessel_jn``.
    """

    value = staticmethod(torch.special.bessel_j1)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return (BesselJn.apply(x, 0) - BesselJn.apply(x, 2)) / 2

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        # Between 3 and 12 torch's values are too wrong for differences of them.
        yield Sample(make(5, low=15, high=40))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 1.8411837813406593, -200.0]))
