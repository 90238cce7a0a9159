"""How much is padded, as a context may keep it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index


def sizes(padding: Sequence[int]) -> tuple[int, ...]:
    """The integers of ``padding``, also of tensors without dimensions."""
    return tuple([index(size) for size in padding])
