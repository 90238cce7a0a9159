"""Right-hand sides that are vectors: how torch tells them from matrices."""

from __future__ import annotations

from torch import Tensor


def is_vector(x: Tensor, y: Tensor) -> bool:
    """Whether ``y`` is one vector, or one for each matrix of ``x``, and not matrices."""
    return y.dim() == 1 or (y.dim() == x.dim() - 1 and y.shape == x.shape[:-1])
