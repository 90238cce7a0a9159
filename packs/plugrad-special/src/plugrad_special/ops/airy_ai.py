"""airy_ai: the Airy function Ai."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Elementwise, Sample, SampleMaker, op
from plugrad_special import _bessel_reference
from plugrad_special.ops.airy_ai_derivative import AiryAiDerivative


@op(
    "special::airy_ai",
    methods=("airy_ai",),
    overrides=(torch.special.airy_ai,),
    reference=_bessel_reference.reference(torch.special.airy_ai, _bessel_reference.airy_ai()),
    elementwise=True,
)
class AiryAi(Elementwise):
    """y = Ai(x);  gx = gy Ai'(x).

    Defined for every x: Ai oscillates below 0, and underflows beyond 103. At inf torch gives nan,
    and the gradient is -0.

    The values are torch's, which are wrong by up to 3e-6, absolute, between -5 and -2, most near
    -2, and by 1e-16 |x|^(3/2) far out. The gradient, and the second derivative x Ai(x), do not use
    them: see ``airy_ai_derivative``. It has all digits down to -1e13, none below about -1e18, and
    is nan below about -1e205.
    """

    value = staticmethod(torch.special.airy_ai)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return AiryAiDerivative.apply(x, 1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        # Between -5 and -2 torch's values are too wrong for differences of them.
        yield Sample(make(5, low=-20, high=-9))
        yield Sample(make(5, low=0, high=10))
        yield Sample(make(5, low=20, high=60))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 1e-9, -1.0187929716474710, -50.0, 8.0, 200.0]))
