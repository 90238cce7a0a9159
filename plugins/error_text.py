"""error_text: what an exception of somebody else's code says."""

from __future__ import annotations

from plugrad.errors import PlugradError


def error_text(error: BaseException) -> str:
    """``ValueError: what it says``; of plugrad's own errors what happened, and no fix.

    It never raises, though the exception's own methods may.
    """
    try:
        what = error.what if isinstance(error, PlugradError) else str(error)
    except Exception as broken:
        what = f"(its text cannot be had: {type(broken).__name__})"
    return f"{type(error).__name__}: {what}"
