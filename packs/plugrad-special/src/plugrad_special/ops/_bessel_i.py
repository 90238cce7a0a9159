"""Modified Bessel functions of the first kind and integer order, to full precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plugrad_special.ops._bessel import odd_or_even, upward


def bessel_i(x: Tensor, n: int) -> Tensor:
    """I_n(x) in float64, from torch's I_0 and I_1 by recurrence, DLMF 10.29.1.

    Upward it multiplies errors by up to e^(n^2/x): only for large |x|.
    """
    size = x.abs()
    split = max(9.0, n * n / 2)
    near = size.clamp(max=split)
    small = torch.special.i0e(near) * _ratio(near, n, split)
    far = size.clamp(min=split)
    # For e^-x I_n(x), which does not overflow.
    large = upward(
        torch.special.i0e(far), torch.special.i1e(far), n, lambda a, b, k: a - 2 * k / far * b
    )
    growth = (size / 2).exp()
    scaled = torch.where(size < split, small, large)
    return odd_or_even(growth * (scaled * growth), x, n)


def _ratio(x: Tensor, n: int, largest: float) -> Tensor:
    """I_n(x) / I_0(x), of I_k / I_(k-1) = x / (2k + x I_(k+1) / I_k) downward from far above.

    Of positive numbers, and each step shrinks the error: Gautschi, SIAM Review 9, 1967.
    """
    product, ratio = torch.ones_like(x), torch.zeros_like(x)
    # Of the error at the start e^(-(k^2 - n^2)/x) is left, or more where k is above x.
    for k in range(math.ceil(math.sqrt(n * n + 60 * largest)) if n else 0, 0, -1):
        ratio = x / (2 * k + x * ratio)
        if k <= n:
            product = product * ratio
    return product
