"""special::shifted_chebyshev_polynomial_t: Chebyshev polynomials of the first kind in 2x - 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special._polynomial_reference import exact
from plugrad_special.ops import _polynomial

_NAME = "shifted_chebyshev_polynomial_t"


@op(
    "special::shifted_chebyshev_polynomial_t",
    methods=(_NAME,),
    overrides=(torch.special.shifted_chebyshev_polynomial_t,),
    reference=exact(_NAME),
    broadcasts=True,
    elementwise=True,
)
class ShiftedChebyshevPolynomialT(Function):
    """y = T_n(2x - 1);  gx = gy 2 T_n'(2x - 1).

    As chebyshev_polynomial_t, with the ends at 0 and 1. What 2x - 1 loses of a small x the gradient
    keeps.
    The kernel sets no result where x is nan and n > 1, and nan is put there.
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
