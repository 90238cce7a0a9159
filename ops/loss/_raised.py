"""A lower bound that numbers keep their own gradient at."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from plugrad.core import Variable


def fixed(x: Any) -> Tensor:
    """The numbers of ``x`` without their gradient, at the least cost; also in torch's vmap."""
    return x.data if isinstance(x, Variable) else x.detach()


def raised_to(x: Tensor, least: float) -> Tensor:
    """``x``, or ``least`` where x is less; the gradient goes to x everywhere, as in torch."""
    return x + (least + 0.0 - fixed(x)).clamp_min(0)  # of True nothing can be subtracted
