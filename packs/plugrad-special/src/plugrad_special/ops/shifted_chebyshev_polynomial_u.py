"""special::shifted_chebyshev_polynomial_u: Chebyshev polynomials of the second kind in 2x - 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special._polynomial_reference import exact
from plugrad_special.ops import _polynomial

_NAME = "shifted_chebyshev_polynomial_u"


@op(
    "special::shifted_chebyshev_polynomial_u",
    methods=(_NAME,),
    overrides=(torch.special.shifted_chebyshev_polynomial_u,),
    reference=exact(_NAME),
    broadcasts=True,
    elementwise=True,
)
class ShiftedChebyshevPolynomialU(Function):
    """y = U_n(2x - 1);  gx = gy 2 U_n'(2x - 1).

    As chebyshev_polynomial_u, with the ends at 0 and 1. What 2x - 1 loses of a small x the gradient
    keeps.
    The kernel sets no result where x is nan and n > 1, and nan is put there.
    The kernel, beyond degree 6, divides 0 by 0 close to x = 0, where it is wrong by up to
    1.8e-8 (float32: 4e-4), relative to y. The gradient is not.
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
