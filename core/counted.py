"""counted: a number with its noun, as messages and reports say it."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 op``, ``2 ops``; ``plural`` where an s is not enough: ``2 processes``."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
