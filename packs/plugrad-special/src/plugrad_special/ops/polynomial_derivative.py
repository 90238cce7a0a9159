"""special::polynomial_derivative: derivatives of torch's orthogonal polynomials."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad import Context, Function, Sample, SampleMaker, op
from plugrad_special._polynomial_reference import exact_derivative
from plugrad_special.ops._order import check_order
from plugrad_special.ops._polynomial_families import FAMILIES, derivative


@op(
    "special::polynomial_derivative",
    reference=exact_derivative,
    broadcasts=True,
    elementwise=True,
)
class PolynomialDerivative(Function):
    """y = p_n^(k)(x), the k-th derivative of a polynomial p_n;  gx = gy p_n^(k+1)(x).

    The family is p's name in torch.special, the order k is at least 1; the formulas are in
    _jacobi.py and _polynomial_families.py. At x = -1 and 1 nothing is special. As in torch n
    loses its fraction, and all is 0 for n < 0, and so it is for n < k; there is no gradient
    in n. Where torch's Hermite polynomials are nan, beyond degree 512 (in float32 128), so
    are their derivatives.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, n: Tensor | float, family: str, order: int) -> Tensor:
        check_order("polynomial_derivative", order, 1)
        ctx.save_for_backward(x, n)
        ctx.family, ctx.order = family, order
        return derivative(FAMILIES[family], x, n, order)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, None]:
        if not ctx.needs_input_grad[0]:
            return None, None
        x, n = ctx.saved_tensors
        return gy * PolynomialDerivative.apply(x, n, ctx.family, ctx.order + 1), None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for family in FAMILIES:
            yield Sample(make(3), make.integers(3, low=2, high=12), family, 1)
            yield Sample(make.tensor([-1.0, -0.7, 0.0, 0.5, 1.0, 1.1]), 6, family, 2)
        family = "chebyshev_polynomial_t"
        yield Sample(make(3, 1), make.integers(4, low=-2, high=9), family, 1)
        yield Sample(make.tensor([-1.0, -0.9999, -0.3, 0.9, 1.0, 1.0001, 1.2]), 80, family, 1)
        yield Sample(make(), 3.7, family, order=1)
        yield Sample(make(3), make(3, low=2.2, high=2.8), family, 1)
        yield Sample(make(0, 3), 3, family, 1)
        yield Sample(make(3).float(), make.integers(3), family, 1)
        yield Sample(make(3), 2, "legendre_polynomial_p", 0).raises(ValueError, "order 0")
        yield Sample(make(3), 2, "gegenbauer", 1).raises(KeyError, "gegenbauer")
