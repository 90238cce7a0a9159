"""airy_ai: value and two derivatives beside mpmath's, and at special points."""

import math

import mpmath
import numpy as np
import pytest
import torch

import plugrad as pg

inf, nan = math.inf, math.nan


def exact(x: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    """The value and two derivatives."""
    value = mpmath.airyai(x)
    return value, mpmath.airyai(x, derivative=1), x * value


def points() -> list[float]:
    rng = np.random.default_rng(0)
    below, above = -(10 ** rng.uniform(-8, 6, 30)), 10 ** rng.uniform(-8, 1.9, 20)
    return [*below.tolist(), *above.tolist(), 0.0, -1.999, -2.0, -4.5, -7.0, 1.999, 2.0, 2.5]


def derivatives(x: torch.Tensor) -> list[torch.Tensor]:
    variable = pg.Variable(x, requires_grad=True)
    y = torch.special.airy_ai(variable)
    (first,) = pg.grad(y.sum(), variable, create_graph=True)
    (second,) = pg.grad(first.sum(), variable)
    return [y.data, first.data, second.data]


def test_two_derivatives_are_exact() -> None:
    found = derivatives(torch.tensor(points(), dtype=torch.float64))
    with mpmath.workdps(50):
        for x, value, first, second in zip(points(), *found, strict=True):
            expected = [float(e) for e in exact(mpmath.mpf(x))]
            assert value.item() == pytest.approx(expected[0], rel=3e-5, abs=2e-5), x
            assert first.item() == pytest.approx(expected[1], rel=1e-12, abs=1e-290), x
            assert second.item() == pytest.approx(expected[2], rel=1e-12, abs=1e-290), x


@pytest.mark.parametrize(
    ("x", "first", "second"),
    [
        (0.0, -0.25881940379280680, 0.0),
        (1e-300, -0.25881940379280680, 3.5502805388781724e-301),
        (200.0, 0.0, 0.0),
        (1e300, 0.0, 0.0),
        (nan, nan, nan),
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
