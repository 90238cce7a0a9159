"""abs_pow: a power of |x|, with or without the sign of x."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from plugrad.ops.elementwise._direction import direction


def abs_pow(x: Tensor, y: float, odd: bool) -> Tensor:
    """|x|^y; if odd, times x / |x|, and 0 at x = 0 for every y.

    A torch function like torch's own ones in Python, so that a rule can call it on a
    tensor and on a Variable, where it becomes the op abs_pow.
    """
    if has_torch_function_unary(x):
        return handle_torch_function(abs_pow, (x,), x, y, odd)
    if not odd:
        return x.abs() ** y
    if y >= 1:
        return x * x.abs() ** (y - 1)
    z = direction(x) * x.abs() ** y
    return z if y >= 0 else torch.where(x == 0, 0, z)
