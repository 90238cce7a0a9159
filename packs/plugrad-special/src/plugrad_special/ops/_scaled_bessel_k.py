"""e^x K_0(x) and its derivatives, to full precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plugrad_special.ops._bessel import integrals, trapezoid, where_k1_is_finite

# The singularities are sqrt(2 x) off the real line of v: 2 at this x, e^(-2 pi 2 / h).
_SPLIT = 2.0
_STEP, _END = 0.3, 7.8


def scaled_bessel_k0_derivative(x: Tensor, order: int) -> Tensor:
    """The derivative of this order of e^x K_0(x), in float64; nan below 0.

    The derivatives alternate in sign (DLMF 10.32.9 under the integral sign), and the
    differences of e^x K_n(x) that they are cancel for a large x: so they are integrated.
    """
    sign = -1 if order % 2 else 1
    large = _moment(x.clamp(min=_SPLIT), order)
    return sign * torch.where(x < _SPLIT, _small(x.clamp(max=_SPLIT), order), large)


def _moment(x: Tensor, m: int) -> Tensor:
    """The integral of (cosh t - 1)^m e^(-x (cosh t - 1)) over t > 0.

    With cosh t - 1 = v^2 / x it is
    2 (2 x)^(-1/2) x^(-m) int_0^inf v^(2m) e^(-v^2) (1 + v^2 / (2 x))^(-1/2) dv.
    """

    def integrand(v: Tensor) -> tuple[Tensor]:
        square = v * v
        # Two halves: v^(2m) alone may overflow.
        half = (square / x) ** (m / 2) * (-square / 2).exp()
        values: Tensor = half * half / (1 + square / 2 / x).sqrt()
        return (values,)

    # The integrand is largest at v = sqrt(m).
    (total,) = integrals(integrand, trapezoid(_STEP, _END + math.sqrt(m)), x)
    moment: Tensor = total * math.sqrt(2) / x.sqrt()
    return moment


def _small(x: Tensor, m: int) -> Tensor:
    """The same for x < 2, where neighbours differ enough; the recurrence is Bessel's equation."""
    x = where_k1_is_finite(x)
    first: Tensor = torch.special.scaled_modified_bessel_k0(x)
    second: Tensor = torch.special.scaled_modified_bessel_k1(x) - first
    second = torch.where(first == math.inf, first, second)
    if m == 0:
        return first
    for k in range(m - 1):
        following = ((k + 1 - 2 * x) * second + (2 * k + 1) * first) / x
        first, second = second, torch.where(second == math.inf, second, following)
    return second
