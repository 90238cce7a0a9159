"""What torch.autocast does to functions on its list of those in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_is_any_autocast_enabled = torch._C._is_any_autocast_enabled


def in_float32(*tensors: Any) -> Any:
    """The tensors, in float32 where torch.autocast is on for their device and they are narrower."""
    if not _is_any_autocast_enabled():
        return tensors
    return [t.float() if _is_narrow(t) and _is_on(t) else t for t in tensors]


def in_float32_on_cuda(*tensors: Any) -> Any:
    """The same for functions that are on the list of CUDA's autocast only."""
    return in_float32(*tensors) if tensors[0].is_cuda else tensors


def in_float32_on_cpu(*tensors: Any) -> Any:
    """The same for functions that are on the list of the CPU's autocast only."""
    return in_float32(*tensors) if tensors[0].is_cpu else tensors


def as_wide_as(gy: Tensor, *tensors: Any) -> list[Any]:
    """The tensors in the dtype of the loss, which autocast may have made wider than theirs."""
    return [t if t is None or t.dtype is gy.dtype else t.to(gy.dtype) for t in tensors]


def _is_narrow(tensor: Any) -> bool:
    return tensor is not None and tensor.dtype in (torch.float16, torch.bfloat16)


def _is_on(tensor: Any) -> bool:
    return torch.is_autocast_enabled(tensor.device.type)
