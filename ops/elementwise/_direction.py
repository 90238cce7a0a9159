"""direction: x / |x|, also for complex numbers too small to divide by."""

from __future__ import annotations

import torch
from torch import Tensor


def direction(x: Tensor) -> Tensor:
    """sgn(x), which torch computes as inf for a complex x of subnormal size."""
    return (x * enlarging(x.abs())).sgn() if x.dtype.is_complex else x.sgn()


def enlarging(size: Tensor) -> Tensor:
    """Powers of two by which complex numbers of this size can be divided by each other.

    1, unless it is subnormal: there torch's complex division overflows.
    """
    limits = torch.finfo(size.dtype)
    factors = torch.where(size < limits.tiny, 4 / limits.eps, 1.0)  # of the default dtype
    return factors.to(size.dtype)
