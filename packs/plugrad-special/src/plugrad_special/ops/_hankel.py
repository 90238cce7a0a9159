"""J0, J1, Y0 and Y1 to full precision where torch's kernels are not: for x of 4 and more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from plugrad_special.ops._bessel import integrals, trapezoid

if TYPE_CHECKING:
    from torch import Tensor

#: From here on the integrals below are evaluated; below it, power series are accurate.
SPLIT = 4.0

# The singularities are sqrt(x) off the real line of v: at x = 4 this step leaves e^(-2 pi 2 / h).
_RULE = trapezoid(0.3, 6.3)


def hankel(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """J0, J1, Y0 and Y1 of x >= SPLIT, in float64.

    H_n(x) = sqrt(2 / (pi x)) e^(i (x - n pi/2 - pi/4)) (P_n + i Q_n), where with t = v^2 in
    Hankel's integral (Watson, A Treatise on the Theory of Bessel Functions, 7.2 (1))

        P_n + i Q_n = 2 / Gamma(n + 1/2) int_0^inf e^(-v^2) v^(2n) (1 + i s)^(n - 1/2) dv,
        s = v^2 / (2 x).

    Terms of P_n have one sign and so have those of Q_n: nothing cancels. The phase is split
    off by the addition theorems, for x - pi/4 would lose the last digits of a large x.
    """
    p0, q0, p1, q1 = integrals(lambda v: _amplitudes(v, x), _RULE, x)
    scale = 1 / (math.sqrt(math.pi) * x.sqrt())
    cos, sin = x.cos(), x.sin()
    plus, minus = (cos + sin) * scale, (sin - cos) * scale
    j0, y0 = p0 * plus - q0 * minus, p0 * minus + q0 * plus
    j1, y1 = p1 * minus + q1 * plus, q1 * minus - p1 * plus
    return j0, j1, y0, y1


def _amplitudes(v: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The integrands of P_0, Q_0, P_1 and Q_1."""
    square = v * v
    s = square / 2 / x
    r = (1 + s * s).sqrt()
    # sqrt(1 + i s) = real + i imaginary; its reciprocal is (real - i imaginary) / r
    real = ((1 + r) / 2).sqrt()
    imaginary = s / (2 * real)
    zeroth = 2 / math.sqrt(math.pi) * (-square).exp()
    first = 2 * square * zeroth
    return zeroth * real / r, -zeroth * imaginary / r, first * real, first * imaginary
