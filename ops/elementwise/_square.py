"""1 - x^2, of which the inverse sines and cosines and their hyperbolic kin are made."""

from __future__ import annotations

from typing import Any

import torch


def one_minus_square(x: Any) -> Any:
    """1 - x^2, to the last digits also where x is near 1, and its slope, -2 x, where x is near 0.

    Of the two forms, 1 - x x rounds the square before it subtracts, and (1 - x)(1 + x) has a slope
    that is a difference of nearly equal numbers, and nan times 0 at 1. So the second corrects the
    first, by what counts as a constant.
    """
    rough = 1 - x * x
    lost = (1 - x) * (1 + x) - rough
    return rough + torch.where(x.abs() < 2, lost, 0).detach()
