"""spherical_bessel_j0: sin(x) / x."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops.spherical_bessel_jn import SphericalBesselJn


@op(
    "special::spherical_bessel_j0",
    methods=("spherical_bessel_j0",),
    overrides=(torch.special.spherical_bessel_j0,),
    reference=_bessel_reference.reference(
        torch.special.spherical_bessel_j0, _bessel_reference.spherical_bessel_j(0)
    ),
    elementwise=True,
)
class SphericalBesselJ0(Elementwise):
    """y = j_0(x) = sin(x) / x;  gx = -gy j_1(x).

    DLMF 10.51.2, where j_1(x) = (sin(x) / x - cos(x)) / x, by a series where that cancels: see
    ``spherical_bessel_jn``. Defined for every x, and even; the slope is 0 at 0 and at inf. The
    values are torch's, to full precision.
    """

    value = staticmethod(torch.special.spherical_bessel_j0)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return -SphericalBesselJn.apply(x, 1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, low=-30, high=30))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 0.5, 2.0, -200.0]))
