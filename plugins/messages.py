"""What messages share: similar names, the text of others' errors, warnings."""

from __future__ import annotations

import difflib
import sys
import warnings
from typing import TYPE_CHECKING

from plugrad.errors import PackWarning, PlugradError

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean sin or sinh? ``, to begin a fix with; empty if none of ``known`` is close.

    Names that end in this one come first: ``gelu`` means ``nn.functional.gelu``.
    """
    known = list(dict.fromkeys(known))
    last = name.rpartition(".")[2]
    same = [k for k in known if k.rpartition(".")[2] == last and k != name]
    ends = {k.rpartition(".")[2]: k for k in reversed(known)}
    close = [ends[end] for end in difflib.get_close_matches(last, list(ends), n=3)]
    close = same[:3] or close or difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}? " if close else ""


def error_text(error: BaseException) -> str:
    """``ValueError: what it says``; for plugrad's own errors what happened, without the fix.

    It never raises, even if the exception's own methods do.
    """
    try:
        what = error.what if isinstance(error, PlugradError) else str(error)
    except BaseException as broken:
        if isinstance(broken, KeyboardInterrupt):
            raise
        what = f"(its text cannot be read: {type(broken).__name__})"
    return f"{type(error).__name__}: {what}"


def warn_all(messages: Iterable[str]) -> None:
    """Warn about each of these problems with packs, as from the code that called plugrad.

    Call it last, when everything is in place: a program may turn warnings into errors.

    Raises:
        PackWarning: a warning was turned into an error; it has the text of all that were.
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
    """Warn, and return whether that raised no error."""
    try:
        warnings.warn(message, PackWarning, stacklevel=level)
    except PackWarning:
        return False
    return True
