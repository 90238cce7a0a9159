"""Traces in the format of Chrome, which Perfetto reads, too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Event(NamedTuple):
    """A span that has ended: its facts."""

    name: str
    kind: str
    thread: int
    started: int
    nanoseconds: int
    bytes: int
    raised: str


def write_trace(
    path: str | os.PathLike[str],
    events: Iterable[Event],
    thread_names: Mapping[int, str],
    left_out: int,
) -> None:
    """Write the events as complete ones, in microseconds since the first began."""
    ordered = sorted(events, key=lambda e: (e.started, -e.nanoseconds))
    first = ordered[0].started if ordered else 0
    process = os.getpid()
    entries = [_about(process, 0, "process_name", "plugrad")]
    threads = sorted({event.thread for event in ordered})
    entries += [_about(process, t, "thread_name", thread_names[t]) for t in threads]
    for event in ordered:
        args: dict[str, Any] = {"bytes": event.bytes} if event.bytes else {}
        if event.raised:
            args["raised"] = event.raised
        entries.append(
            {
                "name": event.name,
                "cat": event.kind,
                "ph": "X",
                "pid": process,
                "tid": event.thread,
                "ts": (event.started - first) / 1000,
                "dur": event.nanoseconds / 1000,
                "args": args,
            }
        )
    trace = {
        "traceEvents": entries,
        "displayTimeUnit": "ms",
        "otherData": {"calls left out": left_out},
    }
    Path(path).write_text(json.dumps(trace), encoding="utf-8")


def _about(process: int, thread: int, what: str, name: str) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": process, "tid": thread, "args": {"name": name}}
