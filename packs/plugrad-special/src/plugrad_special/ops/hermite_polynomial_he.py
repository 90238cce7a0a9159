"""special::hermite_polynomial_he: Hermite polynomials He_n, the probabilists'."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special._polynomial_reference import exact
from plugrad_special.ops import _polynomial

_NAME = "hermite_polynomial_he"


@op(
    "special::hermite_polynomial_he",
    methods=(_NAME,),
    overrides=(torch.special.hermite_polynomial_he,),
    reference=exact(_NAME),
    broadcasts=True,
    elementwise=True,
)
class HermitePolynomialHe(Function):
    """y = He_n(x), the probabilists';  gx = gy n He_(n-1)(x).

    DLMF 18.9.27.
    There is no gradient in n, of which the kernel takes the integer part; for n < 0 all is 0.
    Beyond degree 512 (in float32 128) y and the gradient are nan, and so they are, not infinite,
    where torch's recurrence overflows.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, n: Tensor) -> Tensor:
        return _polynomial.forward(ctx, _NAME, x, n)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, None]:
        return _polynomial.backward(ctx, _NAME, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _polynomial.samples(make)
