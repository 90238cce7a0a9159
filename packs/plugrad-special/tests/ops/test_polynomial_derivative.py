"""special::polynomial_derivative on its own."""

from __future__ import annotations

import pytest
import torch
from plugrad_special._polynomial_reference import value
from plugrad_special.accuracy.polynomials import amplitude
from plugrad_special.ops._polynomial_families import FAMILIES
from plugrad_special.ops.polynomial_derivative import PolynomialDerivative

import plugrad as pg


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("n", "order"), [(7, 1), (7, 7), (7, 8), (12, 9), (100, 6)])
def test_any_order(family: str, n: int, order: int) -> None:
    x = torch.tensor([-1.0, -0.97, -0.2, 0.0, 0.3, 0.999, 1.0, 1.05], dtype=torch.float64)
    got = PolynomialDerivative.apply(x, n, family, order)
    for t, found in zip(x.tolist(), got.tolist(), strict=True):
        error = abs(found - float(value(family, t, n, order)))
        assert error <= 1e-12 * amplitude(family, order, t, n), t


def test_the_backward_raises_the_order() -> None:
    x = pg.Variable(torch.tensor([0.2, 0.5]).double(), requires_grad=True)
    y = PolynomialDerivative.apply(x, 9, "legendre_polynomial_p", 2)
    y.sum().backward()
    expected = PolynomialDerivative.apply(x.data, 9, "legendre_polynomial_p", 3)
    assert torch.equal(x.grad.data, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.complex64])
def test_refuses_what_torch_refuses(dtype: torch.dtype) -> None:
    with pytest.raises(NotImplementedError, match="no orthogonal polynomials"):
        PolynomialDerivative.apply(torch.ones(2, dtype=dtype), 2, "laguerre_polynomial_l", 1)


def test_meta_tensors_have_the_shape() -> None:
    x, n = torch.ones(3, 1, device="meta"), torch.ones(4, device="meta", dtype=torch.int64)
    y = PolynomialDerivative.apply(x, n, "chebyshev_polynomial_v", 1)
    assert (y.shape, y.dtype, y.is_meta) == ((3, 4), torch.float32, True)
