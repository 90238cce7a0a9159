"""Numbers, one for each dimension of space, as torch's layers take them."""

from __future__ import annotations

from typing import TypeAlias

Sizes: TypeAlias = int | list[int] | tuple[int, ...]


def sizes(value: Sizes | None, dims: int) -> tuple[int, ...]:
    """``value`` for each of ``dims`` dimensions; empty for None and for an empty list."""
    if value is None:
        return ()
    given = tuple(map(int, value)) if isinstance(value, list | tuple) else (int(value),)
    return given * dims if len(given) == 1 else given
