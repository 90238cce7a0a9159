"""random_like: a random tensor of the shape and dtype of another."""

from __future__ import annotations

import torch
from torch import Tensor


def random_like(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Normal numbers, contiguous, drawn on the CPU so that a seed means the same everywhere."""
    made = torch.randn(tensor.shape, dtype=tensor.dtype, generator=generator)
    return made.to(tensor.device)
