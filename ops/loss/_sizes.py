"""What torch says of operands of a loss that have different shapes."""

from __future__ import annotations

import warnings

from torch import Tensor


def warn_of_broadcasting(x: Tensor, y: Tensor) -> None:
    """Warn, as torch does, that a loss of operands of other shapes is seldom what is meant."""
    if x.shape != y.shape:
        warnings.warn(
            f"Using a target size ({y.shape}) that is different to the input size ({x.shape}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=8,  # the call in the user's program
        )
