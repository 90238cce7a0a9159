"""What goes to whom in fmax and fmin, at a tie by torch's version."""

from __future__ import annotations

from typing import Any

import torch

from plugrad.ops.elementwise._clamped import HALVES_TIES


def taken(gz: Any, x: Any, y: Any, of_x: Any, needed: tuple[bool, ...]) -> tuple[Any, Any]:
    """Give gz to x where ``of_x``, else to y. At a tie x gets all of it; since 2.14 each half."""
    of_y = ~of_x
    if HALVES_TIES:
        tie = x == y
        gz, of_y = torch.where(tie, gz / 2, gz), of_y | tie
    gx = torch.where(of_x, gz, 0.0) if needed[0] else None
    return gx, torch.where(of_y, gz, 0.0) if needed[1] else None
