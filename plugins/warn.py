"""warn: a PackWarning that points at the program's own line."""

from __future__ import annotations

import sys
import warnings

from plugrad.errors import PackWarning


def warn(message: str) -> None:
    """Warn of something wrong with a pack, as from the code that called plugrad."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("plugrad."):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(message, PackWarning, stacklevel=level)
