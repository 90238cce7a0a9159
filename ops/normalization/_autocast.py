"""What torch.autocast does to the norms."""

from __future__ import annotations

import torch
from torch import Tensor

_is_any_autocast_enabled = torch._C._is_any_autocast_enabled


def in_full_precision(x: Tensor, *others: Tensor | None) -> tuple[Tensor | None, ...]:
    """The tensors as they are; in autocast on a GPU, where torch wants so, in float32."""
    if not _is_any_autocast_enabled():
        return x, *others
    device = x.device.type
    if device == "cpu" or not torch.is_autocast_enabled(device):
        return x, *others
    narrow = (torch.float16, torch.bfloat16)
    tensors = x, *others
    return tuple([t if t is None or t.dtype not in narrow else t.float() for t in tensors])
