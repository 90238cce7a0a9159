"""What messages have in common: names like one that is missing, others' errors, warnings."""

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

    First come names that end in this one: of ``gelu`` it is ``nn.functional.gelu`` that is meant.
    """
    known = list(dict.fromkeys(known))
    last = name.rpartition(".")[2]
    same = [k for k in known if k.rpartition(".")[2] == last and k != name]
    ends = {k.rpartition(".")[2]: k for k in reversed(known)}
    close = [ends[end] for end in difflib.get_close_matches(last, list(ends), n=3)]
    close = same[:3] or close or difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}? " if close else ""


def error_text(error: BaseException) -> str:
    """``ValueError: what it says``; of plugrad's own errors what happened, and no fix.

    It does not raise, though the exception's own methods may.
    """
    try:
        what = error.what if isinstance(error, PlugradError) else str(error)
    except BaseException as broken:
        if isinstance(broken, KeyboardInterrupt):
            raise
        what = f"(its text cannot be had: {type(broken).__name__})"
    return f"{type(error).__name__}: {what}"


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
