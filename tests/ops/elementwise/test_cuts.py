"""The inverse sines and cosines of complex numbers on their cuts, which torch takes the wrong way.

The sign of a zero says on which side of a cut a number is.
"""

from __future__ import annotations

import mpmath
import pytest
import torch

import plugrad as pg

# 1 for a cut along the real axis, 1j for one along the imaginary axis.
AXIS = {"asin": 1, "acos": 1, "acosh": 1, "asinh": 1j}
PARTS = (0.0, -0.0, 0.3, -0.3, 0.7, -0.7, 1.5, -1.5, 3.0, -3.0)
POINTS = [(a, b) for a in PARTS for b in PARTS]


def exact(name, part, other, order):
    """The derivative by mpmath, at a point moved off the axes to the side of the zeros' signs."""
    with mpmath.workdps(120):
        shift = [
            mpmath.mpf(p) if p else mpmath.mpf("1e-60") * (-1 if str(p)[0] == "-" else 1)
            for p in (part, other)
        ]
        at = mpmath.mpc(*shift)
        # Within the half plane of the point, the circle that diff samples is not near a cut.
        found = mpmath.diff(getattr(mpmath, name), at, order, h=mpmath.mpf("1e-80"), method="step")
        return complex(found)


def derivatives(name, points, dtype):
    """The first and the second derivative at all points at once."""
    real, imag = [torch.tensor(p, dtype=dtype.to_real()) for p in zip(*points, strict=True)]
    x = pg.Variable(torch.complex(real, imag), requires_grad=True)
    y = getattr(x, name)()
    (first,) = pg.grad(y, x, torch.ones_like(x.data), create_graph=True)
    (second,) = pg.grad(first, x, torch.ones_like(x.data))
    return first.data.conj(), second.data.conj()


@pytest.mark.parametrize("dtype", [torch.complex128, torch.complex64])
@pytest.mark.parametrize("name", AXIS)
def test_first_and_second_derivative_on_either_side(name, dtype):
    tolerance = {"rtol": 1e-12, "atol": 1e-13}
    if dtype is torch.complex64:
        tolerance = {"rtol": 1e-4, "atol": 1e-5}
    right = [
        torch.tensor([exact(name, *p, order) for p in POINTS], dtype=dtype) for order in (1, 2)
    ]
    together = derivatives(name, POINTS, dtype)  # in torch's vectorized kernels
    for got, expected in zip(together, right, strict=True):
        torch.testing.assert_close(got, expected, **tolerance)
    for i, point in enumerate(POINTS):  # and in the others
        for got, expected in zip(derivatives(name, [point], dtype), right, strict=True):
            torch.testing.assert_close(got[0], expected[i], **tolerance)


@pytest.mark.parametrize("name", AXIS)
@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("where", [3.0, -3.0, 0.4, -0.4])
def test_along_the_cut_the_gradient_is_the_slope_of_the_value(name, zero, where):
    def value(by):
        parts = torch.tensor([where + by], dtype=torch.float64), torch.tensor([zero]).double()
        return torch.complex(*(parts if AXIS[name] == 1 else parts[::-1]))

    h = 1e-5
    function = getattr(torch, name)
    slope = (function(value(h)) - function(value(-h))) / (2 * h * AXIS[name])
    x = pg.Variable(value(0), requires_grad=True)
    (g,) = pg.grad(function(x), x, torch.ones_like(slope))
    torch.testing.assert_close(g.data.conj(), slope, rtol=1e-7, atol=1e-7)
    y, tangent = pg.func.jvp(function, (value(0),), (torch.ones_like(slope),))
    torch.testing.assert_close(tangent, slope, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(y, function(value(0)))


def test_a_real_number_above_1_made_complex():
    x = pg.Variable(torch.tensor([2.0], dtype=torch.float64), requires_grad=True)
    torch.asin(x.to(torch.complex128)).imag.sum().backward()
    torch.testing.assert_close(x.grad.data, torch.tensor([3**-0.5], dtype=torch.float64))
