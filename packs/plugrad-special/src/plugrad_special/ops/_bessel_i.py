"""Modified Bessel functions of the first kind and integer order, to full precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plugrad_special.ops._bessel import odd_or_even, polynomial, series, upward


def bessel_i(x: Tensor, n: int) -> Tensor:
    """I_n(x) in float64: a power series, and upward recurrence where 2 n is not above |x|."""
    size = x.abs()
    split = max(9.0, 2.0 * n)
    coefficients = series(lambda k: k * (k + n), (split / 2) ** 2)
    near = size.clamp(max=split) / 2
    small = near**n / math.factorial(n) * polynomial(coefficients, near**2)  # DLMF 10.25.2
    far = size.clamp(min=split)
    # DLMF 10.29.1, of e^-x I_n(x), which does not overflow.
    scaled = upward(
        torch.special.i0e(far), torch.special.i1e(far), n, lambda a, b, k: a - 2 * k / far * b
    )
    growth = (far / 2).exp()
    return odd_or_even(torch.where(size < split, small, growth * (scaled * growth)), x, n)
