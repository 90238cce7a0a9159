"""warn_all: PackWarnings that point at the program's own line."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

from plugrad.errors import PackWarning

if TYPE_CHECKING:
    from collections.abc import Iterable


def warn_all(messages: Iterable[str]) -> None:
    """Warn of each of these things wrong with packs, as from the code that called plugrad.

    To be called last, when everything is in place: a program may make warnings errors.

    Raises:
        PackWarning: it did; what it says is all that was made an error.
    """
    level, frame = 1, sys._getframe()
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("plugrad."):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    refused = []
    for message in messages:  # no comprehension: in Python 3.11 that is a frame more
        if not _warned(message, level + 1):
            refused.append(message)  # noqa: PERF401
    if refused:
        raise PackWarning("\n".join(refused))


def _warned(message: str, level: int) -> bool:
    """Warn, and say whether that was no error."""
    try:
        warnings.warn(message, PackWarning, stacklevel=level)
    except PackWarning:
        return False
    return True
