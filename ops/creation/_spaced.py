"""What linspace and logspace share: their ends, numbers or tensors without dimensions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def ends_in_torch(start: Any, end: Any, steps: int, **options: Any) -> Tensor:
    """The numbers in plain torch, whose own function ends the gradients of both ends."""
    numbers = [t.detach() if isinstance(t, Tensor) else t for t in (start, end)]
    made = _linspace(*numbers, steps, **options)
    share = shares(made)
    return (start * (1 - share) + end * share).to(made.dtype)


def powers_in_torch(start: Any, end: Any, steps: int, base: float = 10.0, **options: Any) -> Tensor:
    """The powers in plain torch, whose own function ends the gradients of both ends."""
    dtype = options.get("dtype")
    if dtype is torch.int64:
        return torch.logspace(start, end, steps, base, **options)
    return torch.pow(base, ends_in_torch(start, end, steps, **options))


def shares(y: Tensor) -> Tensor:
    """The share of the end in each element of ``y``."""
    real = torch.empty((), dtype=y.dtype).real.dtype if y.is_complex() else y.dtype
    return torch.linspace(0, 1, y.shape[0], dtype=real, device=y.device)


_linspace: Any = torch.linspace
