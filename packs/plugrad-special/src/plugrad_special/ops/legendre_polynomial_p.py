"""special::legendre_polynomial_p: Legendre polynomials P_n."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special._polynomial_reference import exact
from plugrad_special.ops import _polynomial

_NAME = "legendre_polynomial_p"


@op(
    "special::legendre_polynomial_p",
    methods=(_NAME,),
    overrides=(torch.special.legendre_polynomial_p,),
    reference=exact(_NAME),
    broadcasts=True,
    elementwise=True,
)
class LegendrePolynomialP(Function):
    """y = P_n(x);  gx = gy C_(n-1)^(3/2)(x).

    C is Gegenbauer's: DLMF 18.7.9 and 18.9.19, and _jacobi.py on how. At x = -1 and 1 nothing is
    special. The gradient costs n operations at each x, but none at -1 and 1: a tensor takes as many
    steps as its highest degree.
    There is no gradient in n, of which the kernel takes the integer part; for n < 0 all is 0.
    The kernel sets no result where x is nan and n > 1, and nan is put there.
    Where y overflows the kernel soon gives nan; the gradient stays infinite.
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
