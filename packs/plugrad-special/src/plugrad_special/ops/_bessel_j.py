"""Bessel functions of the first kind and integer order, to full precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plugrad_special.ops._bessel import odd_or_even, polynomial, series, upward
from plugrad_special.ops._hankel import SPLIT, hankel


def bessel_j(x: Tensor, n: int) -> Tensor:
    """J_n(x) in float64: a power series for small |x|, upward recurrence from Hankel's integral."""
    size = x.abs()
    split = max(SPLIT, float(n))
    small = small_j(size.clamp(max=split), n, split)
    # Upward recurrence (DLMF 10.6.1) is stable while n is not above x.
    far = size.clamp(min=split)
    j0, j1, _, _ = hankel(far)
    large = upward(j0, j1, n, lambda a, b, k: 2 * k / far * b - a)
    return odd_or_even(torch.where(size < split, small, large), x, n)


def small_j(x: Tensor, n: int, largest: float) -> Tensor:
    """The power series, DLMF 10.2.2, for 0 <= x <= largest."""
    coefficients = series(lambda k: -k * (k + n), (largest / 2) ** 2)
    return (x / 2) ** n / math.factorial(n) * polynomial(coefficients, (x / 2) ** 2)
