"""What softmax and its logarithm share."""

from __future__ import annotations

import warnings

from torch import Tensor


def implicit_dim(name: str, x: Tensor) -> int:
    """The dimension torch takes where none is given, with its warning."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=4,
    )
    return 0 if x.dim() in (0, 1, 3) else 1
