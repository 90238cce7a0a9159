"""igamma and igammac: derivatives beside mpmath's, and at their special points."""

import math
from functools import cache

import mpmath
import pytest
import torch

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
        assert partial(torch.igamma, 1, 0, 0.0, x) == pytest.approx(expected, rel=1e-13)
        assert partial(torch.igammac, 1, 0, 0.0, x) == pytest.approx(-expected, rel=1e-13)
    assert partial(torch.igamma, 0, 1, 0.0, 2.0) == 0.0


def test_at_infinity() -> None:
    for orders in ORDERS:
        found = partial(torch.igamma, *orders, [inf, 2.0, 1e300, 1e-300], [2.0, inf, 2.0, 1e300])
        assert found == [0.0] * 4, orders


def test_nan_where_forward_is() -> None:
    a, x = [-1.0, 2.0, 0.0, inf, nan, 2.0], [1.0, -1.0, 0.0, inf, 2.0, nan]
    assert all(map(math.isnan, partial(torch.igamma, 0, 0, a, x)))
    assert all(map(math.isnan, partial(torch.igamma, 1, 0, a, x)))


def test_third_and_fourth_derivatives() -> None:
    for point in ((0.5, 0.3), (3.0, 8.0), (40.0, 35.0)):
        for i in (3, 4):
            expected = float(exact(i, 0, *point))
            assert partial(torch.igamma, i, 0, *point) == pytest.approx(expected, rel=1e-11), point


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
