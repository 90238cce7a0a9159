"""What torch.autocast does to the norms."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_is_any_autocast_enabled = torch._C._is_any_autocast_enabled
_NARROW = (torch.float16, torch.bfloat16)


def in_full_precision(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, full: bool | None = None
) -> tuple[bool, tuple[Any, ...]]:
    """Whether torch computes in float32 here, in autocast on a GPU; and the tensors in it."""
    tensors = x, weight, bias
    if full is None:
        full = False
        if _is_any_autocast_enabled():
            device = x.device.type
            full = device != "cpu" and torch.is_autocast_enabled(device)
    if not full:
        return False, tensors
    return True, tuple([t.float() if t is not None and t.dtype in _NARROW else t for t in tensors])
