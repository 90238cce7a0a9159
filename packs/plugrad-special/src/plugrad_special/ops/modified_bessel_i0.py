"""modified_bessel_i0: the modified Bessel function of the first kind of order 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops.modified_bessel_in import ModifiedBesselIn


@op(
    "special::modified_bessel_i0",
    methods=("modified_bessel_i0",),
    overrides=(torch.special.modified_bessel_i0,),
    reference=_bessel_reference.reference(
        torch.special.modified_bessel_i0, _bessel_reference.modified_bessel_i(0)
    ),
    elementwise=True,
)
class ModifiedBesselI0(Elementwise):
    """y = I_0(x);  gx = gy I_1(x).

    DLMF 10.29.3. Defined for every x, and even. The values are torch's, to full precision, and inf
    beyond |x| = 709.7 (in float32 88.7); the gradient is finite up to 713.9 (91.9), as I_1 is. At
    inf torch gives nan, and so does the gradient.
    """

    value = staticmethod(torch.special.modified_bessel_i0)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return ModifiedBesselIn.apply(x, 1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, low=-30, high=30))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 1e-200, 1e-9, 9.0]))
        yield Sample(make.tensor([700.0, -700.0, 1000.0]))
