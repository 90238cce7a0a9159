"""What a rule may ask of values, where it has another way for when there is no answer."""

from __future__ import annotations

from torch import Tensor


def possibly(mask: Tensor, unknown: bool) -> bool:
    """Whether any of ``mask`` is true; under vmap and on fake tensors, ``unknown``."""
    try:
        return bool(mask.detach().any())
    except RuntimeError:
        return unknown
