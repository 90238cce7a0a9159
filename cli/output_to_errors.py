"""output_to_errors: send what other code prints to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def output_to_errors() -> Iterator[None]:
    """Keep standard output for what the command itself prints, such as JSON.

    The file itself is redirected, so that ``os.write``, C libraries and child processes are
    covered too; and so is ``sys.stdout``, which may be another file.
    """
    _flush()
    with contextlib.ExitStack() as undo:
        with contextlib.suppress(OSError):  # one of the two is closed
            kept = os.dup(1)
            undo.callback(os.close, kept)
            os.dup2(2, 1)
            undo.callback(os.dup2, kept, 1)
        undo.enter_context(contextlib.redirect_stdout(sys.stderr))
        undo.callback(_flush)  # before all of that is undone
        yield


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # it is closed
                stream.flush()
    with contextlib.suppress(Exception):  # Windows has no such library
        import ctypes

        ctypes.CDLL(None).fflush(None)  # what libraries in C have not written yet
