"""igamma and igammac: derivatives beside mpmath's, and at their special points."""

import math
from functools import cache

import mpmath
import pytest
import torch
from plugrad_special._gamma_reference import exact_density, in_a_by_quadrature
from plugrad_special.ops._gauss_legendre import gauss_legendre

import plugrad as pg

inf, nan = math.inf, math.nan
ORDERS = [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
FUNCTIONS = [torch.igamma, torch.igammac, torch.special.gammainc, torch.special.gammaincc]
#: In each region that is computed in another way, beside its borders, and far out.
POINTS = [
    *((a, x) for a in (1e-6, 0.03, 0.7) for x in (1e-30, 0.01, 0.999, 1.0, 3.0, 50.0)),
    *((a, x) for a in (1.0, 4.3, 14.9) for x in (1e-5, 0.9, 3.8, 14.2, 40.0, 600.0)),
    *((a, x) for a in (15.1, 60.0) for x in (1e-3, 0.99, 12.0, 59.0, 61.0, 300.0)),
    *((1e4, 1e4 + 100 * k) for k in (-30.0, -4.0, -0.5, 0.3, 4.0, 25.0)),
]


def partial(function: object, i: int, j: int, a: object, x: object) -> list[float]:
    """A function differentiated i times in a and j times in x."""
    points = [pg.Variable(torch.tensor(t, dtype=torch.float64), requires_grad=True) for t in (a, x)]
    value = function(*points)
    for which in [0] * i + [1] * j:
        (value,) = pg.grad(value.sum(), points[which], create_graph=True)
    return value.data.tolist()


@cache
def exact(i: int, j: int, a: float, x: float) -> mpmath.mpf:
    """P(a, x) differentiated, from the tail that is the smaller."""
    with mpmath.workdps(50):
        a, x = mpmath.mpf(a), mpmath.mpf(x)
        if j:
            log = mpmath.log(x)

            def density(b: mpmath.mpf) -> mpmath.mpf:
                g = mpmath.exp((b - 1) * log - x) * mpmath.rgamma(b)
                return g if j == 1 else g * ((b - 1) / x - 1)

            return mpmath.diff(density, a, i)
        ends, sign = ((0, x), 1) if x < a else ((x, mpmath.inf), -1)
        return sign * mpmath.diff(lambda b: mpmath.gammainc(b, *ends, regularized=True), a, i)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("i", "j"), ORDERS)
def test_derivatives_are_exact(function: object, i: int, j: int) -> None:
    sign = 1 if function in (torch.igamma, torch.special.gammainc) else -1
    found = partial(function, i, j, *map(list, zip(*POINTS, strict=True)))
    for value, point in zip(found, POINTS, strict=True):
        expected = float(exact(i, j, *point))
        assert sign * value == pytest.approx(expected, rel=1e-12, abs=0), point


def test_torch_alone_has_no_gradient_in_a() -> None:
    a = torch.tensor(2.0, requires_grad=True)
    with pytest.raises(NotImplementedError, match="igamma"):
        torch.autograd.grad(torch.igamma(a, torch.tensor(3.0)), a)


def test_methods_and_torchs_names_are_one_op() -> None:
    a, x = (pg.Variable(torch.tensor(t), requires_grad=True) for t in (2.0, 3.0))
    for value in (a.igamma(x), torch.Tensor.igamma(a.data, x), torch.special.gammainc(a, x)):
        assert type(value.grad_fn).__name__ == "Igamma"
    for value in (a.igammac(x), torch.Tensor.igammac(a.data, x), torch.special.gammaincc(a, x)):
        assert type(value.grad_fn).__name__ == "Igammac"


def test_at_x_0() -> None:
    a, x = [0.5, 1.0, 1.5, 2.0, 3.0], [0.0] * 5
    assert partial(torch.igamma, 1, 0, a, x) == [0.0] * 5
    assert partial(torch.igamma, 0, 1, a, x) == [inf, 1.0, 0.0, 0.0, 0.0]
    assert partial(torch.igammac, 0, 1, a, x) == [-inf, -1.0, 0.0, 0.0, 0.0]
    assert partial(torch.igamma, 0, 2, a[1:], x[1:]) == [-1.0, inf, 1.0, 0.0]
    assert partial(torch.igamma, 0, 3, a[3:], x[3:]) == [-2.0, 1.0]
    assert partial(torch.igamma, 2, 0, a, x) == [0.0] * 5


def test_at_a_0_the_slope_is_that_from_the_right() -> None:
    for x in (1e-200, 0.5, 2.0, 30.0):
        expected = -float(mpmath.e1(x))
        assert partial(torch.igamma, 1, 0, 0.0, x) == pytest.approx(expected, rel=1e-13, abs=0)
        assert partial(torch.igammac, 1, 0, 0.0, x) == pytest.approx(-expected, rel=1e-13, abs=0)
    assert partial(torch.igamma, 0, 1, 0.0, 2.0) == 0.0


def test_at_infinity() -> None:
    for orders in ORDERS:
        found = partial(torch.igamma, *orders, [inf, 2.0, 1e300, 1e-300], [2.0, inf, 2.0, 1e300])
        assert found == [0.0] * 4, orders


@pytest.mark.parametrize("function", [torch.igamma, torch.igammac])
def test_nan_where_forward_is(function: object) -> None:
    a = [-1.0, 2.0, 0.0, inf, nan, 2.0, -1.0, inf, -1.0]
    x = [1.0, -1.0, 0.0, inf, 2.0, nan, 0.0, -1.0, inf]
    for orders in ((0, 0), *ORDERS):
        assert all(map(math.isnan, partial(function, *orders, a, x))), orders


@pytest.mark.parametrize(
    ("a", "x", "order"),
    [
        (2.0, 1e-200, 2),
        (1.5, 1e-250, 1),
        (1.5, 1e-250, 2),
        (1.2, 1e-270, 2),
        (1.05, 1e-308, 1),
        (50.0, 1e-310, 2),
        (1e10, 1e-300, 2),
        (20.3, 1e-8, 3),
        (2.0, 1e-20, 3),
        (2.0, 1e-300, 3),
        (2.0, 1e-8, 4),
        (1.0, 1e-8, 4),
        (0.5, 0.7, 4),
        (1.5, 2.0, 4),
        (7.0, 4.0, 3),
        (20.0, 30.0, 4),
        (150.0, 140.0, 4),
    ],
)
def test_derivatives_in_x(a: float, x: float, order: int) -> None:
    expected = float(exact_density(a, x, 0, order - 1))
    found = partial(torch.igamma, 0, order, a, x)
    assert found == pytest.approx(expected, rel=2e-12, abs=1e-290)


def test_mixed_derivatives_for_small_x() -> None:
    for a, x in ((2.0, 1e-200), (1.5, 1e-250), (1e-3, 1e-100), (20.3, 1e-8)):
        for i, j in ((1, 1), (1, 2), (2, 1)):
            expected = float(exact_density(a, x, i, j - 1))
            assert partial(torch.igamma, i, j, a, x) == pytest.approx(expected, rel=1e-12, abs=0), (
                a,
                x,
            )


@pytest.mark.parametrize(
    ("a", "x", "expected"),
    [(10.0, 1e-38, 0.0), (5.0, 1e-38, 0.0), (2.5, 1e-30, 1.1283791670955126e-15)],
)
def test_float32_and_small_x(a: float, x: float, expected: float) -> None:
    v = pg.Variable(torch.tensor(x), requires_grad=True)
    (first,) = pg.grad(torch.igamma(torch.tensor(a), v), v, create_graph=True)
    (second,) = pg.grad(first, v)
    assert second.item() == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize("a", [1e4, 1e10, 1e12, 1e16, 1e30, 1e100, 1e300])
@pytest.mark.parametrize("times", [0.0, 1.0, -2.0])
def test_large_a_near_x(a: float, times: float) -> None:
    x = a + times * math.sqrt(a)
    expected = float(in_a_by_quadrature(a, x, 1))
    assert partial(torch.igamma, 1, 0, a, x) == pytest.approx(expected, rel=1e-14, abs=0)
    with mpmath.workdps(330):
        b, t = mpmath.mpf(a), mpmath.mpf(x)
        density = mpmath.exp((b - 1) * mpmath.log(t) - t - mpmath.loggamma(b))
    assert partial(torch.igamma, 0, 1, a, x) == pytest.approx(float(density), rel=1e-14, abs=0)


@pytest.mark.parametrize("name", ["igamma_derivative", "gamma_density"])
def test_illegal_orders_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"there is no {name} of order -1\n  fix: give an order"):
        getattr(pg.ops.special, name)(torch.ones(2), torch.ones(2), -1)


def test_orders_beyond_20() -> None:
    a, x = torch.tensor(5.0).double(), torch.tensor(2.0).double()
    with mpmath.workdps(50):
        radius = mpmath.mpf(1) / 2
        rgamma = [
            mpmath.re(mpmath.diff(mpmath.rgamma, 5, m, method="quad", radius=radius))
            for m in range(23)
        ]

        def density(u: mpmath.mpf) -> mpmath.mpf:
            """That in x = e^u."""
            total = sum(mpmath.binomial(22, m) * rgamma[m] * u ** (22 - m) for m in range(23))
            return total * mpmath.exp(5 * u - mpmath.exp(u))

        expected = float(mpmath.quad(density, [-200, -80, -30, -10, -4, -1, mpmath.log(2)]))
    found = pg.ops.special.igamma_derivative(a, x, 22)
    assert found.item() == pytest.approx(expected, rel=1e-12, abs=0)


def test_the_quadratures_nodes_stay_on_the_cpu() -> None:
    gauss_legendre.cache_clear()
    with torch.device("meta"):
        nodes, weights = gauss_legendre(7)
    assert nodes.device.type == weights.device.type == "cpu"


def test_third_and_fourth_derivatives() -> None:
    for point in ((0.5, 0.3), (3.0, 8.0), (40.0, 35.0)):
        for i in (3, 4):
            expected = float(exact(i, 0, *point))
            assert partial(torch.igamma, i, 0, *point) == pytest.approx(
                expected, rel=1e-11, abs=0
            ), point


def test_many_elements_are_taken_in_chunks() -> None:
    a = torch.linspace(0.1, 40.0, 5000, dtype=torch.float64).reshape(50, 100)
    x = torch.linspace(40.0, 0.0, 5000, dtype=torch.float64).reshape(100, 50).T
    whole = pg.ops.special.igamma_derivative(a, x)
    parts = [pg.ops.special.igamma_derivative(*rows) for rows in zip(a, x, strict=True)]
    assert torch.allclose(whole, torch.stack(parts), rtol=1e-14, atol=0)


def test_float32_is_computed_in_float64() -> None:
    a, x = torch.tensor([0.3, 30.0]), torch.tensor([2.0, 20.0])
    found = pg.ops.special.igamma_derivative(a, x, 2)
    assert found.dtype is torch.float32
    assert torch.equal(found, pg.ops.special.igamma_derivative(a.double(), x.double(), 2).float())
