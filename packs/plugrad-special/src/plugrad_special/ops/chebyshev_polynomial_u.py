"""special::chebyshev_polynomial_u: Chebyshev polynomials of the second kind, U_n."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special._polynomial_reference import exact
from plugrad_special.ops import _polynomial

_NAME = "chebyshev_polynomial_u"


@op(
    "special::chebyshev_polynomial_u",
    methods=(_NAME,),
    overrides=(torch.special.chebyshev_polynomial_u,),
    reference=exact(_NAME),
    broadcasts=True,
    elementwise=True,
)
class ChebyshevPolynomialU(Function):
    """y = U_n(x) = sin((n + 1) t) / sin(t), cos(t) = x;  gx = gy 2 C_(n-1)^(2)(x).

    C is Gegenbauer's: DLMF 18.5.2 and 18.9.19, and _jacobi.py on how. At x = -1 and 1 nothing is
    special.
    There is no gradient in n, of which the kernel takes the integer part; for n < 0 all is 0.
    The kernel sets no result where x is nan and n > 1, and nan is put there.
    The kernel, beyond degree 8, divides 0 by 0 close to x = -1, where it is wrong by up to
    1.8e-8 (float32: 4e-4), relative to y. The gradient is not.
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
