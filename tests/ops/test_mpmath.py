"""Derivatives where their formulas cancel against mpmath: near 0, near 1, and far out."""

from __future__ import annotations

import mpmath
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg


def sinc(x):
    z = mpmath.pi * x
    if x == 0:
        return 0, -(mpmath.pi**2) / 3
    first = (mpmath.cos(z) - mpmath.sin(z) / z) / x
    return first, -(mpmath.pi * mpmath.sin(z) + 2 * first) / x


def logit(x):
    return 1 / (x * (1 - x)), (2 * x - 1) / (x * (1 - x)) ** 2


def ndtri(x):
    y = mpmath.sqrt(2) * mpmath.erfinv(2 * x - 1)
    first = mpmath.sqrt(2 * mpmath.pi) * mpmath.exp(y * y / 2)
    return first, y * first * first


def log_ndtr(x):
    slope = mpmath.npdf(x) / mpmath.ncdf(x)
    return slope, -slope * (x + slope)


def entr(x):
    return -1 - mpmath.log(x), -1 / x


def erfcx(x):
    y = mpmath.exp(x * x) * mpmath.erfc(x)
    first = 2 * x * y - 2 / mpmath.sqrt(mpmath.pi)
    return first, 2 * y + 2 * x * first


def i0(x):
    return mpmath.besseli(1, x), (mpmath.besseli(0, x) + mpmath.besseli(2, x)) / 2


def i1(x):
    second = (3 * mpmath.besseli(1, x) + mpmath.besseli(3, x)) / 4
    return (mpmath.besseli(0, x) + mpmath.besseli(2, x)) / 2, second


def scaled(derivatives, order):
    """Those of exp(-|x|) times the Bessel function of this order."""

    def of_scaled(x):
        first, second = derivatives(x)
        value, sign = mpmath.besseli(order, x), mpmath.sign(x)
        scale = mpmath.exp(-abs(x))
        return scale * (first - sign * value), scale * (second - 2 * sign * first + value)

    return of_scaled


def asin(x):
    first = 1 / mpmath.sqrt(1 - x * x)
    return first, x * first**3


def acos(x):
    return tuple(-d for d in asin(x))


def acosh(x):
    first = 1 / mpmath.sqrt(x * x - 1)
    return first, -x * first**3


def atanh(x):
    first = 1 / (1 - x * x)
    return first, 2 * x * first**2


def erfinv(x):
    y = mpmath.erfinv(x)
    first = mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(y * y)
    return first, 2 * y * first**2


def lgamma(x):
    return mpmath.digamma(x), mpmath.polygamma(1, x)


def tanh(x):
    y, first = mpmath.tanh(x), mpmath.sech(x) ** 2
    return first, -2 * y * first


def sigmoid(x):
    first = mpmath.exp(-abs(x)) / (1 + mpmath.exp(-abs(x))) ** 2
    return first, -first * mpmath.tanh(x / 2)


def expm1(x):
    return mpmath.exp(x), mpmath.exp(x)


def of(function):
    """The derivatives of a function of mpmath's, found by mpmath."""
    return lambda x: (mpmath.diff(function, x), mpmath.diff(function, x, 2))


def logistic(x):
    return 1 / (1 + mpmath.exp(-x))


def log_of_logistic(x):
    return -mpmath.log(1 + mpmath.exp(-x))


SINC = [0.0, 1e-25, 1e-20, -1e-9, 1e-5, 1e-3, -0.1, 0.31, 0.318, 0.319, 0.5, 1.0, -2.3, 20.25]
ONES = [1e-150, 1e-20, 1e-5, 0.3, 0.5, 0.7, 1 - 1e-5, 1 - 1e-15]
NDTRI = [1e-30, 1e-20, 1e-5, 0.02, 0.3, 0.7, 1 - 1e-5, 1 - 1e-15]
NORMAL = [-1e8, -1e6, -1e3, -40.0, -8.0, -1.0, -1e-5, 0.0, 1e-5, 1.0, 8.0, 30.0]
ERFCX = [-20.0, -3.0, -1.0, 0.0, 0.3, 3.0, 7.9, 8.1, 10.0, 30.0, 1e3, 1e8]
ENTR = [1e-300, 1e-5, 0.3, 1.0, 5.0, 1e300]
BESSEL = [1e-300, -1e-20, 1e-8, 1e-3, 0.1, -0.99, 1.0, 1.01, 2.0, -5.0, 50.0]
SCALED = [*BESSEL, -29.9, 30.1, -300.0, 1e5, -1e8, 1e15]
INSIDE = [1e-300, -1e-20, 1e-8, 1e-3, 0.3, -0.5, 0.9, 1 - 1e-8, -1 + 1e-12, 1 - 2**-53]
ABOVE = [1 + 2**-52, 1 + 1e-8, 1.1, 3.0, 1e8, 1e100]
GAMMA = [1e-100, 1e-8, 0.3, 0.49, 1.0, 1.5, 2.0, 3.7, -0.3, 30.0, 1e8]
POLES = [-1e-10, -1 + 1e-10, -1 - 1e-5, -3 + 1e-8, -2.001, -20.25]
#: From their outputs, as torch has them: farther out 1 - y or y + 1 has ever fewer digits.
TANH = [1e-300, -1e-9, 0.3, -1.0, 3.0, -5.0]
SIGMOID = [-700.0, -36.0, -1.0, 0.01, 0.5, 3.0, 8.0]
EXPM1 = [-8.0, -1.0, -1e-9, 1e-300, 0.3, 30.0, 700.0]
#: Far out, and near 0 that of tanhshrink, they are torch's sums of numbers that nearly cancel.
SILU = [-300.0, -30.0, -1.0, 1e-9, 0.3, 3.0, 8.0]
MISH = [-30.0, -1.0, 1e-9, 0.3, 3.0, 5.0]
LOG_SIGMOID = [-30.0, -1.0, 1e-9, 0.3, 3.0, 8.0]
GELU = [-3.0, -1.0, 1e-9, 0.3, 3.0, 6.0]
SOFTSIGN = [-1e3, -1.0, 1e-9, 0.3, 1e3]
TANHSHRINK = [-5.0, -1.0, 0.01, 0.3, 5.0]
CASES = [
    (F.silu, of(lambda x: x * logistic(x)), SILU),
    (F.mish, of(lambda x: x * mpmath.tanh(-log_of_logistic(-x))), MISH),
    (F.logsigmoid, of(log_of_logistic), LOG_SIGMOID),
    (F.softplus, of(lambda x: -log_of_logistic(-x)), LOG_SIGMOID),
    (F.gelu, of(lambda x: x * mpmath.ncdf(x)), GELU),
    (F.softsign, of(lambda x: x / (1 + abs(x))), SOFTSIGN),
    (F.tanhshrink, of(lambda x: x - mpmath.tanh(x)), TANHSHRINK),
    (torch.tanh, tanh, TANH),
    (torch.sigmoid, sigmoid, SIGMOID),
    (torch.expm1, expm1, EXPM1),
    (torch.special.i0, i0, BESSEL),
    (torch.special.i1, i1, BESSEL),
    (torch.special.i0e, scaled(i0, 0), SCALED),
    (torch.special.i1e, scaled(i1, 1), SCALED),
    (torch.asin, asin, INSIDE),
    (torch.acos, acos, INSIDE),
    (torch.atanh, atanh, INSIDE),
    (torch.acosh, acosh, ABOVE),
    (torch.erfinv, erfinv, INSIDE),
    (torch.lgamma, lgamma, GAMMA + POLES),
    (torch.sinc, sinc, SINC),
    (torch.logit, logit, ONES),
    (torch.special.ndtri, ndtri, NDTRI),
    (torch.special.log_ndtr, log_ndtr, NORMAL),
    (torch.special.entr, entr, ENTR),
    (torch.special.erfcx, erfcx, ERFCX),
]


@pytest.mark.parametrize(
    ("function", "derivatives", "x"), [(f, d, x) for f, d, xs in CASES for x in xs]
)
def test_the_first_two_derivatives(function, derivatives, x):
    leaf = pg.Variable(torch.tensor(x, dtype=torch.float64), requires_grad=True)
    (first,) = pg.grad(function(leaf), leaf, create_graph=True)
    (second,) = pg.grad(first, leaf)
    with mpmath.workdps(80):
        want = [float(d) for d in derivatives(mpmath.mpf(x))]
    assert first.item() == pytest.approx(want[0], rel=1e-12, abs=0)
    # erfcx's second one cancels once more below 8, where its series begins; torch's polygamma of
    # order 1 has nine digits.
    tolerance = 1e-9 if function is torch.lgamma else 4e-12
    assert second.item() == pytest.approx(want[1], rel=tolerance, abs=0)
