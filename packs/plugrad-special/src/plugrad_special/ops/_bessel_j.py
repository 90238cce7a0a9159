"""Bessel functions of the first kind and integer order, to full precision."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad_special.ops._bessel import odd_or_even, oscillating
from plugrad_special.ops._hankel import SPLIT, hankel
from plugrad_special.ops._power_series import polynomial, power, series


def bessel_j(x: Tensor, n: int) -> Tensor:
    """J_n(x) in float64: a power series for small |x|, recurrence from Hankel's integral."""
    size = x.abs()
    small = small_j(size.clamp(max=SPLIT), n)
    far = size.clamp(min=SPLIT)
    j0, j1, _, _ = hankel(far)
    large = oscillating(far, n, j0, j1, 0)  # DLMF 10.6.1
    return odd_or_even(torch.where(size < SPLIT, small, large), x, n)


def small_j(x: Tensor, n: int) -> Tensor:
    """The power series, DLMF 10.2.2, for 0 <= x <= SPLIT."""
    coefficients = series(lambda k: -k * (k + n), (SPLIT / 2) ** 2)
    return power(x / 2, range(1, n + 1)) * polynomial(coefficients, (x / 2) ** 2)
