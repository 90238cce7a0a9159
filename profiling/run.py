"""Profile: a block of a program, and what the ops in it cost; profile, which makes one."""

from __future__ import annotations

import threading
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal

from plugrad.errors import ArgumentError
from plugrad.profiling.clocks import run_clocks, stop_clocks
from plugrad.profiling.progress import Progress
from plugrad.profiling.spans import ENGINE, FORWARD, Span, this_thread, thread_names
from plugrad.profiling.table import Cost, Row, Table
from plugrad.profiling.trace import Event, write_trace

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from typing_extensions import Self


def profile(
    *,
    progress: bool | Literal["always"] = False,
    synchronize: bool = True,
    max_events: int = 1_000_000,
) -> Profile:
    """Measure what the ops cost in a ``with`` block: time, calls and bytes, forward and backward.

    ``with pg.profile() as run: ...``, and then ``print(run)`` and ``run.save("trace.json")``.

    Args:
        progress: show a line on stderr with the time and the calls so far, if stderr is a
            terminal; ``"always"`` shows it where it is not one, too.
        synchronize: wait for a GPU before and after each op. Otherwise an op's time is that
            of starting its kernels.
        max_events: so many calls are kept for the trace. The table counts all of them.

    Raises:
        ArgumentError: ``progress`` is something else.
    """
    if progress not in (True, False, "always"):
        raise ArgumentError(
            f"progress={progress!r} is not one of the choices",
            where="a call of plugrad.profile",
            fix='pass True, False or "always"',
        )
    return Profile(
        Progress(always=progress == "always") if progress else None, synchronize, max_events
    )


class _Sum:
    """What the calls of one op have cost so far, in one direction."""

    __slots__ = ("bytes", "calls", "own", "whole")

    def __init__(self) -> None:
        self.calls = self.own = self.whole = self.bytes = 0

    def add(self, span: Span) -> None:
        self.calls += 1
        self.own += span.own
        self.whole += span.nanoseconds
        self.bytes += span.bytes

    def cost(self) -> Cost:
        return Cost(self.calls, self.own / 1e9, self.whole / 1e9, self.bytes)


class Profile:
    """A ``with`` block and what the ops in it have cost; ``plugrad.profile`` makes one.

    Calls in all threads are counted. It can be looked at while the block runs, and a second
    block with it adds to what the first one has.
    """

    def __init__(self, progress: Progress | None, synchronize: bool, max_events: int) -> None:
        self.synchronize = synchronize
        #: When the block began that runs, by perf_counter_ns.
        self.started = 0
        self._progress, self._max_events = progress, max_events
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, str], _Sum] = {}
        # Not as Events: Python's garbage collector soon leaves a plain tuple alone.
        self._events: list[tuple[Any, ...]] = []
        self._threads: set[int] = set()
        self._left_out = 0
        self._calls = 0
        #: Of the blocks that have ended.
        self._nanoseconds = 0
        self._in_ops = 0
        self._runs = False
        self._thread = 0
        self._blocks: list[Event] = []

    # --- the block ---
    def __enter__(self) -> Self:
        if self._runs:
            raise ArgumentError(
                "this profile is measuring already",
                where="a with block inside the one that it measures",
                fix="make another one: with plugrad.profile() as inner",
            )
        self._runs, self._thread = True, this_thread()
        self.started = perf_counter_ns()
        run_clocks(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        stop_clocks(self)
        elapsed = perf_counter_ns() - self.started
        self._nanoseconds += elapsed
        raised = "" if kind is None else kind.__name__
        self._blocks.append(
            Event("pg.profile", "block", self._thread, self.started, elapsed, 0, raised)
        )
        self._runs = False
        if self._progress is not None:
            self._progress.finish(elapsed, self._calls)

    def ended(self, span: Span) -> None:
        """Count a span; the clocks call it."""
        with self._lock:
            key = span.name, span.kind
            found = self._sums.get(key)
            if found is None:
                found = self._sums[key] = _Sum()
            found.add(span)
            if span.home == self._thread:
                self._in_ops += span.own
            if len(self._events) < self._max_events:
                self._events.append(span.facts())
            else:
                self._left_out += 1
            self._threads.add(span.thread)
            self._calls += span.kind != ENGINE
            if self._progress is not None:
                self._progress.show(span.ended - self.started, self._calls)

    # --- what it found ---
    @property
    def seconds(self) -> float:
        """How long the block took, or has taken so far."""
        now = perf_counter_ns() - self.started if self._runs else 0
        return (self._nanoseconds + now) / 1e9

    @property
    def rows(self) -> list[Row]:
        """What each op has cost, the most expensive first."""
        with self._lock:
            sums = {key: one.cost() for key, one in self._sums.items() if key[1] != ENGINE}
        by_op: dict[str, list[Cost]] = {}
        for (name, kind), cost in sums.items():
            by_op.setdefault(name, [Cost(), Cost()])[kind != FORWARD] = cost
        rows = [Row(op, forward, backward) for op, (forward, backward) in by_op.items()]
        return sorted(rows, key=lambda row: (-row.seconds, row.op))

    @property
    def engine(self) -> Cost:
        """What the engine needed for itself, beside the rules; a call is a backward."""
        with self._lock:
            return self._sums.get(("backward", ENGINE), _Sum()).cost()

    @property
    def elsewhere(self) -> float:
        """The seconds of the block in its own thread that no op and no backward had."""
        return max(0.0, self.seconds - self._in_ops / 1e9)

    def table(self, sort: str = "time", limit: int | None = None) -> Table:
        """The rows as a table, which prints and displays itself.

        Args:
            sort: what goes first: the most ``"time"``, ``"forward"`` or ``"backward"`` time,
                ``"calls"``, ``"bytes"``; or ``"op"``, by name.
            limit: show this many rows, and in one line what the others cost together.

        Raises:
            ArgumentError: it cannot be sorted so.
        """
        with self._lock:
            threads = len(self._threads | {self._thread})
        return Table(self.rows, self.engine, self.seconds, self.elsewhere, threads, sort, limit)

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a trace that chrome://tracing and https://ui.perfetto.dev open.

        Args:
            path: of a JSON file.
        """
        with self._lock:
            events, left_out = [Event(*facts) for facts in self._events], self._left_out
        write_trace(path, [*self._blocks, *events], dict(thread_names), left_out)
