"""Layouts: the same values lying otherwise in memory."""

from __future__ import annotations

import torch
from torch import Tensor


def with_gaps(tensor: Tensor) -> Tensor:
    """The same values with a gap after each element."""
    return torch.stack([tensor, tensor], dim=-1)[..., 0]


def transposed(tensor: Tensor) -> Tensor:
    """The same values with the dimensions' strides in reverse order."""
    order = list(range(tensor.dim()))[::-1]
    return tensor.permute(order).contiguous().permute(order)
