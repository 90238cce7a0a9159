"""What torch.autocast does to functions on its list of those in lower precision."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

_is_any_autocast_enabled = torch._C._is_any_autocast_enabled


def cast_by_autocast(*tensors: Any) -> list[Any]:
    """The tensors in an enabled torch.autocast's dtype; float64, and all but floats, stay."""
    if not _is_any_autocast_enabled():
        return list(tensors)
    device = tensors[0].device.type
    if not torch.is_autocast_enabled(device):
        return list(tensors)
    dtype = torch.get_autocast_dtype(device)
    return [t.to(dtype) if _is_cast(t) else t for t in tensors]


def without_autocast(x: Tensor) -> Any:
    """A context in which the steps of what was cast already are not cast again."""
    if _is_any_autocast_enabled():
        return torch.autocast(x.device.type, enabled=False)
    return nullcontext()


def _is_cast(tensor: Any) -> bool:
    return tensor is not None and tensor.is_floating_point() and tensor.dtype is not torch.float64
