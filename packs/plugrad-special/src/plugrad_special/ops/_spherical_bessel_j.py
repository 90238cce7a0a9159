"""Spherical Bessel functions of the first kind and integer order, to full precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plugrad_special.ops._bessel import odd_or_even, polynomial, series, upward


def spherical_bessel_j(x: Tensor, n: int) -> Tensor:
    """j_n(x) in float64: a power series for small |x|, upward recurrence from sin x / x."""
    size = x.abs()
    split = max(2.0, float(n))
    coefficients = series(lambda k: -2 * k * (2 * n + 2 * k + 1), split**2)
    near = size.clamp(max=split)
    odd_factorial = math.prod(range(1, 2 * n + 2, 2))
    small = near**n / odd_factorial * polynomial(coefficients, near**2)  # DLMF 10.53.1
    far = size.clamp(min=split)
    j0 = far.sin() / far
    j1 = (j0 - far.cos()) / far
    large = upward(j0, j1, n, lambda a, b, k: (2 * k + 1) / far * b - a)  # DLMF 10.51.1
    large = torch.where(size == math.inf, 0.0, large)
    return odd_or_even(torch.where(size < split, small, large), x, n)
