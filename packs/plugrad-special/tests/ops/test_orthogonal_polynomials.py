"""torch's twelve families of orthogonal polynomials, against mpmath; one rule serves them all."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch
from plugrad_special._polynomial_reference import exact, value
from plugrad_special.accuracy.polynomials import amplitude
from plugrad_special.ops.polynomial_derivative import PolynomialDerivative
from torch import Tensor
from torch.overrides import TorchFunctionMode

import plugrad as pg

KINDS = [f"{shifted}chebyshev_polynomial_{k}" for shifted in ("", "shifted_") for k in "tuvw"]
HERMITE = ["hermite_polynomial_h", "hermite_polynomial_he"]
BOUNDED = [*KINDS, "legendre_polynomial_p"]
NAMES = [*BOUNDED, "laguerre_polynomial_l", *HERMITE]

every = pytest.mark.parametrize("name", NAMES)


def derivatives(name: str, x: Tensor, n: Tensor | float, order: int) -> list[Tensor]:
    """The value and its derivatives in x up to ``order``, by double backward."""
    v = pg.Variable(x, requires_grad=True)
    found = [getattr(torch.special, name)(v, n)]
    for _ in range(order):
        found += pg.grad(found[-1].sum(), v, create_graph=True)
    return [y.data for y in found]


def assert_exact(name: str, x: list[float], n: int, orders: list[int], allowed: float) -> None:
    found = derivatives(name, torch.tensor(x, dtype=torch.float64), n, max(orders))
    for order in orders:
        for t, got in zip(x, found[order].tolist(), strict=True):
            error = abs(got - float(value(name, t, n, order)))
            assert error <= allowed * amplitude(name, order, t, max(n, 1)), (name, t, n, order)


def points(name: str) -> list[float]:
    """Some of the domain, its ends, and close to them."""
    random = torch.Generator().manual_seed(3)
    t = (2 * torch.rand(12, generator=random, dtype=torch.float64) - 1).tolist()
    if name not in BOUNDED:
        return [*[8 * v for v in t], 0.0, 1e-9]
    t += [-1.0, 1.0, 0.0, -0.5, 0.5, 1 - 1e-6, 1e-6 - 1, 1 - 1e-15, -1 - 1e-9, 1.001, -1.3]
    return [(v + 1) / 2 for v in t] if name.startswith("shifted") else t


@every
@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 9, 64, 65, 150])
def test_first_and_second_derivative(name: str, n: int) -> None:
    # Laguerre's and Hermite's are more exact than the weight in their amplitude is.
    assert_exact(name, points(name), n, [1, 2], 1e-13 if name in BOUNDED else 1e-12)


@every
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8])
def test_value_third_and_fourth_derivative(name: str, n: int) -> None:
    assert_exact(name, points(name), n, [0, 3, 4], 1e-13)


@pytest.mark.parametrize("name", BOUNDED)
def test_close_to_the_ends_at_high_degree(name: str) -> None:
    x = [s * (1 + d * 10.0**-k) for s in (-1, 1) for d in (-1, 1) for k in range(3, 15, 4)]
    x = [(v + 1) / 2 for v in x] if name.startswith("shifted") else x
    assert_exact(name, x, 400, [1, 2], 1e-12)


@pytest.mark.parametrize("kind", "tu")
def test_degrees_of_a_million(kind: str) -> None:
    n, x = 1_000_000, 0.3
    found = derivatives(f"chebyshev_polynomial_{kind}", torch.tensor([x]).double(), n, 1)[1]
    with mpmath.workdps(50):
        t, shift = mpmath.acos(torch.tensor(x).double().item()), int(kind == "u")
        m, s = n + shift, mpmath.sin(t)
        u = mpmath.sin(m * t) / s
        slope = m * u if kind == "t" else (mpmath.cos(t) * u - m * mpmath.cos(m * t)) / s**2
    assert abs(found.item() - float(slope)) < 1e-9 * n


@every
def test_each_element_has_its_own_degree(name: str) -> None:
    degrees = torch.tensor([[-2], [0], [1], [5], [90]])
    x = torch.tensor([-0.3, 0.2, 0.8, 1.1], dtype=torch.float64)
    for order, together in enumerate(derivatives(name, x, degrees, 1)):
        if order == 0:
            rows = [derivatives(name, x, int(n), 0)[0] for n in degrees]
            torch.testing.assert_close(together, torch.stack(rows), rtol=0, atol=0)
        else:
            rows = [derivatives(name, x, int(n), 1)[1] for n in degrees]
            torch.testing.assert_close(together, torch.stack(rows).sum(0), rtol=1e-12, atol=0)


@every
def test_a_degree_loses_its_fraction_and_below_zero_all_is_zero(name: str) -> None:
    x = torch.tensor([0.3, 0.7], dtype=torch.float64)
    for given, meant in ((3.9, 3), (torch.tensor([3.9, 3.1]), 3), (-0.9, 0)):
        got, expected = derivatives(name, x, given, 2), derivatives(name, x, meant, 2)
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
    for nothing in (-1, -5.5, math.nan, math.inf, -math.inf):
        assert not any(bool(y.any()) for y in derivatives(name, x, nothing, 2))


@pytest.mark.parametrize(
    ("name", "n"),
    [(name, n) for name in NAMES for n in (2.9999999999, 5 - 1e-12)]
    + [(name, 16777217.0) for name in KINDS],
)
def test_a_number_keeps_the_digits_that_torch_sees(name: str, n: float) -> None:
    x = torch.tensor([0.3, 0.7])
    for given, seen in ((x, float(torch.tensor(n))), (x.double(), n)):
        got, expected = derivatives(name, given, n, 1), derivatives(name, given, int(seen), 1)
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))


@every
def test_the_reference_sees_those_digits_too(name: str) -> None:
    x = torch.tensor([0.3, 0.7], dtype=torch.float64)
    assert torch.equal(exact(name)(x, 2.9999999999), exact(name)(x, 2))


@every
def test_a_float_degree_gets_no_gradient(name: str) -> None:
    x = pg.Variable(torch.tensor([0.3]), requires_grad=True)
    n = pg.Variable(torch.tensor([3.0]), requires_grad=True)
    getattr(torch.special, name)(x, n).sum().backward()
    assert n.grad is None
    assert x.grad is not None


@every
def test_nan_in_is_nan_out(name: str) -> None:
    found = derivatives(name, torch.full((3,), math.nan), torch.tensor([0, 1, 6]), 1)
    assert found[0].isnan().tolist() == [False, True, True]
    assert found[1].isnan().tolist() == [False, False, True]


@every
def test_float32_is_computed_in_float64(name: str) -> None:
    x = torch.tensor([0.9999, 0.1, 0.45])
    first = derivatives(name, x, 40, 1)[1]
    assert torch.equal(first, derivatives(name, x.double(), 40, 1)[1].float())


@pytest.mark.parametrize("name", HERMITE)
def test_hermite_is_nan_beyond_torchs_limit(name: str) -> None:
    for dtype, limit in ((torch.float32, 128), (torch.float64, 512)):
        x = torch.zeros(2, dtype=dtype)
        found = derivatives(name, x, torch.tensor([8, limit + 1]), 1)
        assert [y.isnan().tolist() for y in found] == [[False, True]] * 2


@pytest.mark.parametrize("kind", "tuvw")
def test_just_below_overflow_nothing_is_lost(kind: str) -> None:
    assert_exact(f"chebyshev_polynomial_{kind}", [3.0, -3.0], 380, [1, 2], 1e-12)


@pytest.mark.parametrize("kind", "tuvw")
@pytest.mark.parametrize("n", [60, 65, 70, 1000])
@pytest.mark.parametrize("size", [1e20, 1e164, 1e200, 1e308])
def test_far_out_derivatives_are_infinite(kind: str, n: int, size: float) -> None:
    x = torch.tensor([size, -size], dtype=torch.float64)
    _, *found = derivatives(f"chebyshev_polynomial_{kind}", x, n, 2)
    for order, y in enumerate(found, 1):
        assert y.tolist() == [math.inf, (-1) ** (n + order) * math.inf]


class Limited(TorchFunctionMode):
    """Where torch is called a thousand times at most."""

    calls = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.calls += 1
        assert self.calls <= 1000
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("legendre_polynomial_p", 1.0, 5e17 + 5e8),
        ("legendre_polynomial_p", -1.0, -5e17 - 5e8),
        ("laguerre_polynomial_l", 0.0, -1e9),
    ],
)
def test_at_the_ends_a_high_degree_costs_no_more(name: str, x: float, expected: float) -> None:
    with Limited():
        points = torch.tensor([x, x], dtype=torch.float64)
        slope = PolynomialDerivative.apply(points, 10**9, name, 1)
    assert slope.tolist() == [expected, expected]


@pytest.mark.parametrize("name", BOUNDED)
def test_beyond_overflow_derivatives_are_infinite(name: str) -> None:
    x = torch.tensor([4.0, -4.0], dtype=torch.float64)
    for y in derivatives(name, x, 600, 2)[1:]:
        assert bool(y.isinf().all())
