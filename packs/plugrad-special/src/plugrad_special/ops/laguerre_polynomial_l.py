"""special::laguerre_polynomial_l: Laguerre polynomials L_n."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special._polynomial_reference import exact
from plugrad_special.ops import _polynomial

_NAME = "laguerre_polynomial_l"


@op(
    "special::laguerre_polynomial_l",
    methods=(_NAME,),
    overrides=(torch.special.laguerre_polynomial_l,),
    reference=exact(_NAME),
    broadcasts=True,
    elementwise=True,
)
class LaguerrePolynomialL(Function):
    """y = L_n(x);  gx = -gy L_(n-1)^(1)(x).

    DLMF 18.9.23. The gradient costs n operations at each x, but none at 0: a tensor takes as many
    steps as its highest degree.
    There is no gradient in n, of which the kernel takes the integer part; for n < 0 all is 0.
    The kernel sets no result where x is nan and n > 1, and nan is put there.
    Where for a large x > 0 the recurrence overflows the gradient is nan.
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
