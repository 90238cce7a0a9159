"""bessel_y0: the Bessel function of the second kind of order 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops.bessel_yn import BesselYn


@op(
    "special::bessel_y0",
    methods=("bessel_y0",),
    overrides=(torch.special.bessel_y0,),
    reference=_bessel_reference.reference(torch.special.bessel_y0, _bessel_reference.bessel_y(0)),
    elementwise=True,
)
class BesselY0(Elementwise):
    """y = Y_0(x);  gx = -gy Y_1(x).

    DLMF 10.6.3. -inf at 0, where the slope is inf; both are nan below. At inf torch gives nan, and
    so does the gradient.

    The values are torch's, which between 3 and 12 are wrong by up to 2.1e-7, absolute, most near 5,
    and far out by 1e-16 x of their size. The gradient does not use torch's Y_1, which is as wrong:
    see ``bessel_yn``.
    """

    value = staticmethod(torch.special.bessel_y0)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return -BesselYn.apply(x, 1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.2))
        # Between 3 and 12 torch's values are too wrong for differences of them.
        yield Sample(make(5, low=15, high=40))
        yield Sample(make(low=0.2))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([1e-200, 1e-9, 0.01, 2.197141326031017, 200.0]))
        yield Sample(make.tensor([0.0, -0.0, 1.0, -1.0]))
