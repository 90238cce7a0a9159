"""Progress: a line on stderr that tells how far a long run is."""

from __future__ import annotations

import sys
from contextlib import suppress

#: The nanoseconds from one line to the next: on a terminal, which shows only the last, and else.
_ON_TERMINAL, _ELSEWHERE = 200_000_000, 10_000_000_000


class Progress:
    """A line with the time and the calls so far.

    Args:
        always: show it where stderr is not a terminal, too: a line of its own now and then.
    """

    def __init__(self, always: bool) -> None:
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._on = always or self._terminal
        self._next = _ON_TERMINAL

    def show(self, nanoseconds: int, calls: int) -> None:
        """Show it if it is time to."""
        if self._on and nanoseconds >= self._next:
            self._next = nanoseconds + (_ON_TERMINAL if self._terminal else _ELSEWHERE)
            self._write(nanoseconds, calls, end="")

    def finish(self, nanoseconds: int, calls: int) -> None:
        """Show it for the last time."""
        self._next = _ON_TERMINAL
        if self._on:
            self._write(nanoseconds, calls, end="\n")

    def _write(self, nanoseconds: int, calls: int, end: str) -> None:
        seconds = nanoseconds / 1e9
        minutes, rest = divmod(int(seconds), 60)
        elapsed = f"{minutes}:{rest:02d} min" if minutes else f"{seconds:.1f} s"
        line = f"profile: {elapsed}, {calls:,} {'call' if calls == 1 else 'calls'} of ops"
        if self._terminal:
            line = f"\r{line}\x1b[K{end}"
        else:
            line += "\n"
        with suppress(AttributeError, OSError, ValueError):  # no stderr, or a closed one
            sys.stderr.write(line)
            sys.stderr.flush()
