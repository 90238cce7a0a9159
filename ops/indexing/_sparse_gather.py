"""The sparse gradient of gather: the places that it took elements from, with their gradients."""

from __future__ import annotations

import torch
from torch import Tensor

_gather_sparse_backward = torch.ops.aten._gather_sparse_backward.default


def sparse_gradient(gy: Tensor, shape: torch.Size, dim: int, index: Tensor) -> Tensor:
    """A sparse tensor of ``shape`` with an element for each of ``index``, some twice."""
    x = gy.new_zeros(()).expand(shape)  # of which torch asks only the shape
    return _gather_sparse_backward(x, dim, index, gy)
