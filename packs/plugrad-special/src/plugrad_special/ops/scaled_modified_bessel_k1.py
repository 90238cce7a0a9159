"""scaled_modified_bessel_k1: e^x K_1(x), which does not underflow."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops.scaled_modified_bessel_k0_derivative import (
    ScaledModifiedBesselK0Derivative,
)


@op(
    "special::scaled_modified_bessel_k1",
    methods=("scaled_modified_bessel_k1",),
    overrides=(torch.special.scaled_modified_bessel_k1,),
    reference=_bessel_reference.reference(
        torch.special.scaled_modified_bessel_k1, _bessel_reference.scaled_modified_bessel_k1
    ),
    elementwise=True,
)
class ScaledModifiedBesselK1(Elementwise):
    """y = e^x K_1(x);  gx = gy (S'(x) - S''(x)), S(x) = e^x K_0(x).

    For K_1 = -K_0' is e^-x (S - S') (DLMF 10.29.3). S' is negative and S'' positive: nothing
    cancels, as it does in e^x (K_1 + K_1') where x is large. inf at 0, where the slope is -inf;
    both are nan below, and 0 at inf. The values are torch's, to full precision.
    """

    value = staticmethod(torch.special.scaled_modified_bessel_k1)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        first = ScaledModifiedBesselK0Derivative.apply(x, 1)
        return first - ScaledModifiedBesselK0Derivative.apply(x, 2)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.2))
        yield Sample(make(5, low=0.2, high=30))
        yield Sample(make(low=0.2))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.01, 2.0, 700.0, 1e5]))
        yield Sample(make.tensor([0.0, -0.0, 1.0, -1.0]))
