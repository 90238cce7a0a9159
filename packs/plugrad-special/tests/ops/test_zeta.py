"""zeta: first and second derivatives beside mpmath's own, and at its special points."""

import math

import mpmath
import pytest
import torch
from plugrad_special import _gamma_reference

import plugrad as pg

inf, nan = math.inf, math.nan


def partial(i: int, j: int, x: list[float], q: list[float]) -> list[float]:
    """Zeta differentiated i times in x and j times in q."""
    points = [pg.Variable(torch.tensor(t, dtype=torch.float64), requires_grad=True) for t in (x, q)]
    value = torch.special.zeta(*points)
    for which in [0] * i + [1] * j:
        (value,) = pg.grad(value.sum(), points[which], create_graph=True)
    return value.data.tolist()


def exact(i: int, j: int, x: float, q: float) -> float:
    # mpmath's zeta is right to so many digits after the point.
    with mpmath.workdps(50 + int((x + j) * math.log10(q + 1))):
        x, q = mpmath.mpf(x), mpmath.mpf(q)

        def slope(s: mpmath.mpf) -> mpmath.mpf:
            return (-1) ** j * mpmath.rf(s, j) * mpmath.zeta(s + j, q)

        return float(
            mpmath.diff(slope, x, i) if i and j else slope(x) if j else mpmath.zeta(x, q, i)
        )


def points() -> tuple[list[float], list[float]]:
    draw = torch.Generator().manual_seed(0)
    x = 1 + 10 ** (torch.rand(25, generator=draw, dtype=torch.float64) * 4 - 2.5)
    q = 10 ** (torch.rand(25, generator=draw, dtype=torch.float64) * 5 - 2)
    return [*x.tolist(), 1 + 1e-10, 100.0, 20.0], [*q.tolist(), 3.0, 2.0, 25.0]


@pytest.mark.parametrize(("i", "j"), [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)])
def test_derivatives_are_exact(i: int, j: int) -> None:
    x, q = points()
    for found, *point in zip(partial(i, j, x, q), x, q, strict=True):
        expected = exact(i, j, *point)
        assert found == pytest.approx(expected, rel=1e-12, abs=0), point


def test_below_1_all_is_nan() -> None:
    for orders in ((0, 0), (1, 0), (0, 1)):
        assert all(map(math.isnan, partial(*orders, [0.5, -1.0], [2.0, 2.0]))), orders


def test_the_pole_at_1() -> None:
    assert partial(0, 0, [1.0], [3.0]) == [inf]
    assert partial(1, 0, [1.0], [3.0]) == [-inf]
    assert partial(2, 0, [1.0], [3.0]) == [inf]
    assert partial(0, 1, [1.0], [3.0]) == pytest.approx(
        [-float(mpmath.psi(1, 3))], rel=1e-13, abs=0
    )


def test_at_q_0() -> None:
    assert partial(0, 0, [2.5], [0.0]) == [inf]
    assert partial(1, 0, [2.5], [0.0]) == [inf]
    assert partial(0, 1, [2.5], [0.0]) == [-inf]


def test_negative_q_has_a_slope_in_q_for_integer_x_only() -> None:
    (slope,) = partial(0, 1, [2.0], [-0.5])
    shifted = mpmath.zeta(3, mpmath.mpf("0.5")) + mpmath.mpf(-2) ** 3
    assert slope == pytest.approx(float(-2 * shifted), rel=1e-13, abs=0)
    assert math.isnan(partial(1, 0, [2.0], [-0.5])[0])
    assert math.isnan(partial(0, 1, [2.5], [-0.5])[0])


def test_tiny_and_huge_arguments() -> None:
    assert partial(1, 0, [1e10, 3.0], [2.0, 1e300]) == [0.0, 0.0]
    (slope,) = partial(1, 0, [1.5], [1e-100])
    assert slope == pytest.approx(100 * math.log(10) * 1e150, rel=1e-13, abs=0)


def test_huge_q() -> None:
    for x, q in ((1.0000001, 1e300), (2.0, 1e200), (1.5, 1e15)):
        expected = float(_gamma_reference.exact_zeta(x, q, 1, 0))
        assert partial(1, 0, [x], [q]) == pytest.approx([expected], rel=1e-13, abs=0), (x, q)


def test_where_it_is_nan_so_are_all_derivatives() -> None:
    for orders in ((0, 2), (1, 1), (2, 0), (0, 3)):
        found = partial(*orders, [0.0, 0.5, -2.0], [2.0, 2.0, 3.0])
        assert all(map(math.isnan, found)), orders


@pytest.mark.parametrize("n", [21, 60])
def test_high_orders(n: int) -> None:
    x, q = [1.5, 2.0, 6.0, 30.0, 1.01], [0.3, 1.0, 0.2, 3.0, 40.0]
    points = (torch.tensor(t, dtype=torch.float64) for t in (x, q))
    found = pg.ops.special.zeta_derivative(*points, n)
    for value, *point in zip(found.tolist(), x, q, strict=True):
        expected = float(_gamma_reference.exact_zeta(*point, n, 0))
        assert value == pytest.approx(expected, rel=1e-13, abs=0), point


@pytest.mark.parametrize("n", [0, -1])
def test_orders_below_1_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"no zeta_derivative of order {n}\n  fix: .* at least 1"):
        pg.ops.special.zeta_derivative(torch.ones(2), torch.ones(2), n)


@pytest.mark.parametrize(("i", "j"), [(0, 1), (0, 2), (1, 1)])
def test_float32_has_its_digits(i: int, j: int) -> None:
    draw = torch.Generator().manual_seed(0)
    x, q = (torch.rand(50, generator=draw) * s + t for s, t in ((5, 1.1), (20, 0.1)))
    points = [pg.Variable(t, requires_grad=True) for t in (x, q)]
    value = torch.special.zeta(*points)
    for which in [0] * i + [1] * j:
        (value,) = pg.grad(value.sum(), points[which], create_graph=True)
    for found, *point in zip(value.data.tolist(), x.tolist(), q.tolist(), strict=True):
        expected = float(_gamma_reference.exact_zeta(*point, i, j))
        assert found == pytest.approx(expected, rel=torch.finfo(torch.float32).eps, abs=0), point


def test_float32_is_computed_in_float64() -> None:
    x, q = torch.tensor([1.5, 4.0]), torch.tensor([0.3, 7.0])
    found = pg.ops.special.zeta_derivative(x, q, 1)
    assert found.dtype is torch.float32
    assert torch.equal(found, pg.ops.special.zeta_derivative(x.double(), q.double(), 1).float())


def test_integers_promote_as_in_torch() -> None:
    x, q = torch.tensor([2, 3]), torch.tensor([1, 2])
    assert pg.ops.special.zeta_derivative(x, q).dtype is torch.special.zeta(x, q).dtype


def test_half_is_refused_as_in_torch() -> None:
    with pytest.raises(RuntimeError, match="zeta"):
        pg.ops.special.zeta_derivative(torch.ones(2).half(), torch.ones(2).half())
