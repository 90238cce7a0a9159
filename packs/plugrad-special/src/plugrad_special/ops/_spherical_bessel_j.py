"""Spherical Bessel functions of the first kind and integer order, to full precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plugrad_special.ops._bessel import odd_or_even, oscillating
from plugrad_special.ops._power_series import polynomial, power, series

_SPLIT = 2.0


def spherical_bessel_j(x: Tensor, n: int) -> Tensor:
    """j_n(x) in float64: a power series for small |x|, recurrence from sin x / x."""
    size = x.abs()
    coefficients = series(lambda k: -2 * k * (2 * n + 2 * k + 1), _SPLIT**2)
    near = size.clamp(max=_SPLIT)
    small = power(near, range(3, 2 * n + 2, 2)) * polynomial(coefficients, near**2)  # DLMF 10.53.1
    far = size.clamp(min=_SPLIT)
    j0 = far.sin() / far
    j1 = (j0 - far.cos()) / far
    large = oscillating(far, n, j0, j1, 1)  # DLMF 10.51.1
    large = torch.where(size == math.inf, 0.0, large)
    return odd_or_even(torch.where(size < _SPLIT, small, large), x, n)
