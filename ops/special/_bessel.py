"""Slopes of modified Bessel functions where their formulas cancel: near 0, and far from it."""

from __future__ import annotations

import math
from typing import Any

import torch

#: Where |x| is below it, the series is used.
NEAR = 1.0

#: Where |x| is above it, the other one is.
FAR = 30.0

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


def _hankel(order: int) -> list[float]:
    """The factors of x^-k in exp(-x) I(x) sqrt(2 pi x): Abramowitz and Stegun 9.7.1."""
    factors = [1.0]
    for k in range(1, 16):
        factors.append(factors[-1] * ((2 * k - 1) ** 2 - 4 * order**2) / (8 * k))
    return factors


_OF_SLOPES = [[-(k + 0.5) * f for k, f in enumerate(_hankel(order))] for order in (0, 1)]


def with_slope_far_out(slope: Any, x: Any, order: int) -> Any:
    """``slope`` of exp(-|x|) I(x), of this order; of a large x the derivative of its series.

    There the slope is the difference of two numbers that agree in ever more digits, and the second
    derivative is one of such differences.
    """
    if x.dtype is torch.float16:  # in which the factors are infinite
        return with_slope_far_out(slope.float(), x.float(), order).half()
    far = x.abs() > FAR
    size = torch.where(far, x, FAR).abs()
    inverse = 1 / size
    total = torch.zeros_like(inverse)
    for factor in reversed(_OF_SLOPES[order]):
        total = total * inverse + factor
    total = total * inverse * size.rsqrt() / math.sqrt(2 * math.pi)  # at infinity 0, not nan
    return torch.where(far, total if order else total * x.sign(), slope)
