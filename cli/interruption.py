"""Interruption: Ctrl-C as a question that the program answers at its next good moment."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

#: What a shell reports for a program that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130


class Interruption:
    """Inside ``with``, the first Ctrl-C is only ``noted``; the second raises KeyboardInterrupt.

    An exception at an arbitrary point could stop an update halfway, and is lost if it is raised
    in a callback from C.
    """

    def __init__(self) -> None:
        self.noted = False
        self._previous: Any = None

    def __enter__(self) -> Self:
        self._previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _note(self, number: int, frame: object) -> None:
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True
