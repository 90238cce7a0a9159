"""modified_bessel_k1: the modified Bessel function of the second kind of order 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops._bessel import where_k1_is_finite


@op(
    "special::modified_bessel_k1",
    methods=("modified_bessel_k1",),
    overrides=(torch.special.modified_bessel_k1,),
    reference=_bessel_reference.reference(
        torch.special.modified_bessel_k1, _bessel_reference.modified_bessel_k(1)
    ),
    elementwise=True,
)
class ModifiedBesselK1(Elementwise):
    """y = K_1(x);  gx = -gy (K_0(x) + K_1(x) / x).

    DLMF 10.29.2; nothing cancels in it, nor in its derivatives. inf at 0, where the slope is -inf;
    both are nan below, and 0 at inf. The values are torch's, to full precision, and so is K_0.
    """

    value = staticmethod(torch.special.modified_bessel_k1)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        x = where_k1_is_finite(x)
        return -(torch.special.modified_bessel_k0(x) + torch.special.modified_bessel_k1(x) / x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.2))
        yield Sample(make(5, low=0.2, high=30))
        yield Sample(make(5, low=100, high=600))
        yield Sample(make(low=0.2))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.01, 2.0, 700.0, 1000.0]))
        yield Sample(make.tensor([0.0, -0.0, 1.0, -1.0]))
