"""beta and alpha, the factors of baddbmm and its kin."""

from __future__ import annotations

from torch import Tensor


def scaled(gradient: Tensor, factor: complex) -> Tensor:
    """``gradient`` through a multiplication by ``factor``."""
    return gradient if factor == 1 else gradient * factor.conjugate()
