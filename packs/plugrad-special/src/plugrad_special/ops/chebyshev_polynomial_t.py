"""special::chebyshev_polynomial_t: Chebyshev polynomials of the first kind, T_n."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special._polynomial_reference import exact
from plugrad_special.ops import _polynomial

_NAME = "chebyshev_polynomial_t"


@op(
    "special::chebyshev_polynomial_t",
    methods=(_NAME,),
    overrides=(torch.special.chebyshev_polynomial_t,),
    reference=exact(_NAME),
    broadcasts=True,
    elementwise=True,
)
class ChebyshevPolynomialT(Function):
    """y = T_n(x) = cos(n arccos(x));  gx = gy n U_(n-1)(x).

    DLMF 18.5.1 and 18.9.21, and _jacobi.py on how. At x = -1 and 1 nothing is special.
    There is no gradient in n, of which the kernel takes the integer part; for n < 0 all is 0.
    Beyond degree 6 the kernel is that cosine within (-1, 1), exact to 2e-16 n.
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
