"""The Bessel functions and Ai: value and two derivatives beside mpmath's, and special points."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch
from plugrad_special.accuracy.bessel import EXACT, oscillation

import plugrad as pg

inf, nan = math.inf, math.nan

every = pytest.mark.parametrize("name", EXACT)

#: How far from the values torch's kernels are, if it is more than rounding: absolute.
KERNELS = {
    "bessel_j0": 3.9e-7,
    "bessel_j1": 4.8e-7,
    "bessel_y0": 2.2e-7,
    "bessel_y1": 8.8e-7,
    "airy_ai": 3.1e-6,
}


def points(name: str) -> list[float]:
    """Of all sizes, and beside the borders of what is computed in another way."""
    rng = np.random.default_rng(0)
    highest = 2.8 if name.startswith("modified") else 12 if name.startswith("scaled") else 6
    sizes = [*(10 ** rng.uniform(-8, highest, 20)).tolist(), 1.0, 1.999, 2.0, 2.5]
    if name == "airy_ai":
        return [-2.09, -4.5, -7.0, *(-x for x in sizes), *(x for x in sizes if x < 80)]
    sizes += [3.0, 3.999, 4.0, 5.0, 5.5, 8.0, 8.999, 9.0, 11.0, 25.0, 600.0]
    if "_y" in name or "_k" in name:
        return sizes
    return [*sizes, *(-x for x in sizes)]


def derivatives(name: str, x: torch.Tensor) -> list[torch.Tensor]:
    variable = pg.Variable(x, requires_grad=True)
    y = getattr(torch.special, name)(variable)
    (first,) = pg.grad(y.sum(), variable, create_graph=True)
    (second,) = pg.grad(first.sum(), variable)
    return [y.data, first.data, second.data]


def exact(name: str, x: float) -> list[float]:
    with mpmath.workdps(50):
        return [float(value) for value in EXACT[name](mpmath.mpf(x))]


@every
def test_two_derivatives_are_exact(name: str) -> None:
    kernel = KERNELS.get(name, 1e-290)
    found = derivatives(name, torch.tensor(points(name), dtype=torch.float64))
    for x, *got in zip(points(name), *(y.tolist() for y in found), strict=True):
        value, first, second = exact(name, x)
        assert got[0] == pytest.approx(value, rel=1e-12, abs=kernel), x
        assert got[1] == pytest.approx(first, rel=1e-12, abs=1e-290), x
        assert got[2] == pytest.approx(second, rel=1e-12, abs=1e-290), x


@every
def test_float32_has_its_digits(name: str) -> None:
    """Those that a number of the function's local size has."""
    x = torch.tensor(points(name), dtype=torch.float32)
    limits, size = torch.finfo(torch.float32), oscillation(name)
    _, *found = derivatives(name, x)
    for t, *got in zip(x.tolist(), *(y.tolist() for y in found), strict=True):
        for order, value in enumerate(got, 1):
            expected = exact(name, t)[order]
            if abs(expected) > limits.max:
                continue
            zeros = size is not None and (t < -1 if name == "airy_ai" else abs(t) > 1)
            allowed = size(order, t) if zeros else 0.0
            allowed = 3 * limits.eps * max(abs(expected), allowed)
            assert abs(value - expected) <= max(allowed, limits.tiny), (t, order)


INFINITE_AT_0 = [(0.0, -inf, inf), (-0.0, -inf, inf), (5e-324, -inf, inf), (1e-310, -inf, inf)]
K = [*INFINITE_AT_0, (-1.0, nan, nan), (1e300, 0.0, 0.0), (inf, 0.0, 0.0)]
Y = [(0.0, inf, -inf), (-0.0, inf, -inf), (1e-310, inf, -inf), (-1.0, nan, nan), (inf, nan, nan)]
SPECIAL = {
    "bessel_j0": [
        (0.0, -0.0, -0.5),
        (-0.0, 0.0, -0.5),
        (1e-300, -5e-301, -0.5),
        (inf, nan, nan),
    ],
    "bessel_j1": [
        (0.0, 0.5, 0.0),
        (-0.0, 0.5, 0.0),
        (1e-300, 0.5, -3.75e-301),
        (-inf, nan, nan),
    ],
    "bessel_y0": Y,
    "bessel_y1": Y,
    "modified_bessel_i0": [
        (0.0, 0.0, 0.5),
        (-0.0, 0.0, 0.5),
        (-800.0, -inf, inf),
        (1e300, inf, inf),
    ],
    "modified_bessel_i1": [
        (0.0, 0.5, 0.0),
        (-0.0, 0.5, 0.0),
        (1e-300, 0.5, 3.75e-301),
        (-800.0, inf, -inf),
    ],
    "modified_bessel_k0": K,
    "modified_bessel_k1": K,
    "scaled_modified_bessel_k0": K,
    "scaled_modified_bessel_k1": K,
    "spherical_bessel_j0": [
        (0.0, 0.0, -1 / 3),
        (-0.0, 0.0, -1 / 3),
        (1e-300, -1e-300 / 3, -1 / 3),
        (inf, 0.0, 0.0),
        (-inf, 0.0, 0.0),
        (nan, nan, nan),
    ],
    "airy_ai": [
        (0.0, -0.25881940379280680, 0.0),
        (1e-300, -0.25881940379280680, 3.5502805388781724e-301),
        (200.0, 0.0, 0.0),
        (1e300, 0.0, 0.0),
        (nan, nan, nan),
    ],
}


@pytest.mark.parametrize(
    ("name", "x", "first", "second"),
    [(name, *point) for name, special in SPECIAL.items() for point in special],
)
def test_special_points(name: str, x: float, first: float, second: float) -> None:
    _, slope, curvature = derivatives(name, torch.tensor(x, dtype=torch.float64))
    assert slope.item() == pytest.approx(first, rel=1e-14, abs=0, nan_ok=True)
    assert curvature.item() == pytest.approx(second, rel=1e-14, abs=0, nan_ok=True)


@pytest.mark.parametrize("name", ["modified_bessel_k0", "modified_bessel_k1"])
def test_the_smallest_float32_is_as_0(name: str) -> None:
    _, *found = derivatives(name, torch.tensor([1e-45, 2e-39]))
    assert [y.tolist() for y in found] == [[-inf, -inf], [inf, inf]]


@pytest.mark.parametrize("name", ["modified_bessel_i0", "modified_bessel_i1"])
@pytest.mark.parametrize("x", [709.9, -709.9])
def test_the_slope_is_finite_where_torchs_value_overflows(name: str, x: float) -> None:
    value, slope, _ = derivatives(name, torch.tensor(x, dtype=torch.float64))
    assert math.isinf(value.item())
    assert slope.item() == pytest.approx(exact(name, x)[1], rel=1e-12, abs=0)
