"""What torch.autocast does to attention, which is on its list."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

_is_any_autocast_enabled = torch._C._is_any_autocast_enabled


def cast_by_autocast(*tensors: Any) -> list[Any]:
    """The tensors in the dtype of an enabled torch.autocast; numbers of 64 bits stay."""
    device = tensors[0].device.type
    if not (_is_any_autocast_enabled() and torch.is_autocast_enabled(device)):
        return list(tensors)
    dtype, kept = torch.get_autocast_dtype(device), (torch.float64, torch.bool)
    return [t if t is None or t.dtype in kept else t.to(dtype) for t in tensors]


def without_autocast(q: Tensor) -> Any:
    """A context in which the steps of what was cast already are not cast again."""
    if _is_any_autocast_enabled():
        return torch.autocast(q.device.type, enabled=False)
    return nullcontext()
