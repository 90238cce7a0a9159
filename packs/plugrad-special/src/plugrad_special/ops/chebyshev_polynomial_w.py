"""special::chebyshev_polynomial_w: Chebyshev polynomials of the fourth kind, W_n."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special._polynomial_reference import exact
from plugrad_special.ops import _polynomial

_NAME = "chebyshev_polynomial_w"


@op(
    "special::chebyshev_polynomial_w",
    methods=(_NAME,),
    overrides=(torch.special.chebyshev_polynomial_w,),
    reference=exact(_NAME),
    broadcasts=True,
    elementwise=True,
)
class ChebyshevPolynomialW(Function):
    """y = W_n(x) = sin((n + 1/2) t) / sin(t/2), cos(t) = x;  gx = gy W_n'(x).

    W_n' is a multiple of the Jacobi polynomial P_(n-1)^(3/2,1/2): DLMF 18.5(i) and 18.9.15, and
    _jacobi.py on how. At x = -1 and 1 nothing is special.
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
