"""bessel_y1: value and two derivatives beside mpmath's, and at special points."""

import math

import mpmath
import numpy as np
import pytest
import torch

import plugrad as pg

inf, nan = math.inf, math.nan


def exact(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    """The value and two derivatives."""
    y0, y1 = mpmath.bessely(0, x), mpmath.bessely(1, x)
    return y1, y0 - y1 / x, (2 / x**2 - 1) * y1 - y0 / x


def points() -> list[float]:
    rng = np.random.default_rng(0)
    return [*(10 ** rng.uniform(-8, 6, 15)).tolist(), 3.0, 3.999, 4.0, 5.5, 8.0, 11.0, 25.0]


def derivatives(x: torch.Tensor) -> list[torch.Tensor]:
    variable = pg.Variable(x, requires_grad=True)
    y = torch.special.bessel_y1(variable)
    (first,) = pg.grad(y.sum(), variable, create_graph=True)
    (second,) = pg.grad(first.sum(), variable)
    return [y.data, first.data, second.data]


def test_two_derivatives_are_exact() -> None:
    found = derivatives(torch.tensor(points(), dtype=torch.float64))
    with mpmath.workdps(50):
        for x, value, first, second in zip(points(), *found, strict=True):
            expected = [float(e) for e in exact(mpmath.mpf(x))]
            assert value.item() == pytest.approx(expected[0], rel=1e-5, abs=5e-6), x
            assert first.item() == pytest.approx(expected[1], rel=1e-12, abs=1e-290), x
            assert second.item() == pytest.approx(expected[2], rel=1e-12, abs=1e-290), x


@pytest.mark.parametrize(
    ("x", "first", "second"),
    [
        (0.0, inf, -inf),
        (-0.0, inf, -inf),
        (1e-310, inf, -inf),
        (-1.0, nan, nan),
        (inf, nan, nan),
    ],
)
def test_special_points(x: float, first: float, second: float) -> None:
    _, slope, curvature = derivatives(torch.tensor(x, dtype=torch.float64))
    assert slope.item() == pytest.approx(first, rel=1e-14, nan_ok=True)
    assert curvature.item() == pytest.approx(second, rel=1e-14, nan_ok=True)


def test_float32_is_as_exact() -> None:
    x = torch.tensor(points(), dtype=torch.float32)
    wide = derivatives(x.double())[1].float()
    torch.testing.assert_close(derivatives(x)[1], wide, rtol=1e-6, atol=0.0)
