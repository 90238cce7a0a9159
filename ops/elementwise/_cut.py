"""1 / sqrt(x) on the branch cut of the root, where x itself may not say on which side it is."""

from __future__ import annotations

from typing import Any

import torch


def rsqrt_beside_cut(x: Any, side: Any) -> Any:
    """1 / sqrt(x); at a complex x < 0, on the side of the cut that the sign of ``side`` tells.

    The sign of x's imaginary part tells it too, unless it is a zero: sums and products such as
    1 - z z give a zero either sign, and which one depends on the kernel. ``side`` is made of
    real numbers, and may have any size.
    """
    y = x.rsqrt()
    fixed, side = x.detach(), side.detach()
    height = fixed.imag
    lost = (height == 0) & (fixed.real < 0) & (height.signbit() != side.signbit())
    return torch.where(lost, -y, y)
