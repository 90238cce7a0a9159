"""bessel_j0: the Bessel function of the first kind of order 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops.bessel_jn import BesselJn


@op(
    "special::bessel_j0",
    methods=("bessel_j0",),
    overrides=(torch.special.bessel_j0,),
    reference=_bessel_reference.reference(torch.special.bessel_j0, _bessel_reference.bessel_j(0)),
    elementwise=True,
)
class BesselJ0(Elementwise):
    """y = J_0(x);  gx = -gy J_1(x).

    DLMF 10.6.3. Defined for every x, and even. At inf torch gives nan, and so does the gradient.

    The values are torch's, which between 3 and 12 are wrong by up to 3.8e-7, absolute, most near 5,
    and far out by 1e-16 |x| of their size. The gradient does not use torch's J_1, which is as
    wrong: see ``bessel_jn``.
    """

    value = staticmethod(torch.special.bessel_j0)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return -BesselJn.apply(x, 1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        # Between 3 and 12 torch's values are too wrong for differences of them.
        yield Sample(make(5, low=15, high=40))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 3.8317059702075125, -200.0]))
