"""modified_bessel_i1: the modified Bessel function of the first kind of order 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops.modified_bessel_in import ModifiedBesselIn


@op(
    "special::modified_bessel_i1",
    methods=("modified_bessel_i1",),
    overrides=(torch.special.modified_bessel_i1,),
    reference=_bessel_reference.reference(
        torch.special.modified_bessel_i1, _bessel_reference.modified_bessel_i(1)
    ),
    elementwise=True,
)
class ModifiedBesselI1(Elementwise):
    """y = I_1(x);  gx = gy (I_0(x) + I_2(x)) / 2.

    DLMF 10.29.1. Defined for every x, and odd. The slope is I_0(x) - I_1(x)/x without the 0/0 at 0,
    where it is 1/2. The values are torch's, to full precision, and inf or -inf beyond |x| = 709.7
    (in float32 88.7); the gradient is finite up to 713.2 (91.2). At inf torch gives nan, and so
    does the gradient.
    """

    value = staticmethod(torch.special.modified_bessel_i1)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return (ModifiedBesselIn.apply(x, 0) + ModifiedBesselIn.apply(x, 2)) / 2

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, low=-30, high=30))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 9.0]))
        yield Sample(make.tensor([700.0, -700.0, 1000.0]))
