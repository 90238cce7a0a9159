"""torch.nn.CrossMapLRN2d on Variables: torch's own backward is not the derivative of its forward.

It divides by the sums of the neighbours' squares where it should, but adds up the wrong neighbours.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.modules._functions import CrossMapLRN2d


def cross_map_lrn(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> Any:
    """Y = x (k + alpha / size s)^-beta, s being the sum of the squares of the channels around.

    torch's forward says which channels these are, and lets go of each one step late: so here.
    """
    if x.dim() != 4:
        CrossMapLRN2d.apply(x.data, size)  # type: ignore[no-untyped-call]  # says what is wrong
    around = _around(x.shape[1], int((size - 1) / 2 + 1)).to(x)
    squares = torch.einsum("dc,nc...->nd...", around, x * x)
    return x * (squares * (alpha / size) + k) ** -beta


def _around(channels: int, reach: int) -> Tensor:
    """For each channel a row of ones where a channel's square is in its sum."""
    rows = torch.zeros(channels, channels)
    rows[0, :reach] = 1
    for c in range(1, channels):
        rows[c] = rows[c - 1]
        if c < channels - reach + 1:
            rows[c, c + reach - 1] += 1
        if c > reach:
            rows[c, c - reach] -= 1
    return rows
