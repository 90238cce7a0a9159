"""The slope of I1, the modified Bessel function of order 1, near 0."""

from __future__ import annotations

import math
from typing import Any

import torch

#: Where |x| is below it, the series is used.
NEAR = 1.0

#: The factors of (x^2 / 4)^k. Nine of them leave out less than 1e-18 of the sum.
_FACTORS = [(2 * k + 1) / 2 / math.factorial(k) / math.factorial(k + 1) for k in range(9)]


def i1_slope_near_0(x: Any) -> Any:
    """I1'(x) = sum over k of (2k + 1) / 2 (x^2 / 4)^k / (k! (k + 1)!), for |x| < 1.

    It is the derivative, term by term, of Abramowitz and Stegun 9.6.10. I0(x) - I1(x) / x is the
    same, but there the second derivative is a difference of numbers near 1 / x.
    """
    square = x * x / 4
    total = torch.zeros_like(square)
    for factor in reversed(_FACTORS):
        total = total * square + factor
    return total
