"""Tolerances: how closely results of each dtype must agree."""

from __future__ import annotations

import torch

#: Relative to the largest element expected. A rule may add in another order than torch, and
#: errors add up over an op's steps: so some hundred units in the last place for the wide
#: dtypes, a few for the narrow ones.
TOLERANCE: dict[torch.dtype, float] = {
    torch.float64: 1e-10,
    torch.complex128: 1e-10,
    torch.float32: 1e-4,
    torch.complex64: 1e-4,
    torch.float16: 2e-2,
    torch.bfloat16: 1e-1,
}


def tolerance(*dtypes: torch.dtype) -> float:
    """What is allowed where all these take part: the widest; 0 for integers alone."""
    return max((TOLERANCE.get(dtype, 0.0) for dtype in dtypes), default=0.0)
