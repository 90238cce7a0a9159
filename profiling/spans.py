"""Spans: what runs in each thread, from when to when, and what it makes."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import count
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from plugrad.core.variable import Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: The kinds of spans: a call of an op's forward, one of a record's rule, a walk of the engine.
FORWARD, BACKWARD, ENGINE = "forward", "backward", "engine"


class Listener(Protocol):
    """A profile, which is shown each span that ends."""

    #: When it began, by perf_counter_ns: earlier spans are not its own.
    started: int
    #: Whether a span ends when the device is done with it.
    synchronize: bool

    def ended(self, span: Span) -> None:
        """Count it."""


class Span:
    """Something that ran: a forward, a rule or a walk."""

    __slots__ = (
        "bytes",
        "ended",
        "home",
        "inner",
        "kind",
        "name",
        "parent",
        "raised",
        "started",
        "thread",
    )

    def __init__(self, name: str, kind: str, thread: int, parent: Span | None) -> None:
        self.name, self.kind, self.thread, self.parent = name, kind, thread, parent
        #: The thread that this is done for, which may wait for another one.
        self.home: int = thread if parent is None else parent.home
        #: The name of the exception that ended it.
        self.raised = ""
        #: What it made itself, without the spans inside.
        self.bytes = 0
        #: The nanoseconds that went to the spans inside, and to noting them.
        self.inner = 0
        self.ended = 0
        self.started = perf_counter_ns()

    @property
    def nanoseconds(self) -> int:
        """How long it took, with all that was inside."""
        return self.ended - self.started

    @property
    def own(self) -> int:
        """How long it took without the spans inside, and without noting them."""
        return max(0, self.ended - self.started - self.inner)

    def facts(self) -> tuple[str, str, int, int, int, int, str]:
        """What a trace shows: see Event."""
        duration = self.ended - self.started
        return self.name, self.kind, self.thread, self.started, duration, self.bytes, self.raised


class _Thread(threading.local):
    """The open spans of a thread, the innermost last, and the thread's number in traces.

    Not the system's number, which another thread gets when this one has ended.
    """

    _numbers = count(1)

    def __init__(self) -> None:
        self.open: list[Span] = []
        self.number = next(_Thread._numbers)
        thread_names[self.number] = threading.current_thread().name


thread_names: dict[int, str] = {}
_thread = _Thread()
#: The profiles that run. Exchanged as a whole, so that threads can read it without a lock.
_listeners: tuple[Listener, ...] = ()
#: Whether one of them wants devices to be waited for, and there is one.
_waits = False


def listen(listener: Listener, on: bool) -> None:
    """Show spans to a profile from now on, or no more; one caller at a time."""
    global _listeners, _waits  # noqa: PLW0603
    others = tuple([each for each in _listeners if each is not listener])
    _listeners = (*others, listener) if on else others
    _waits = torch.accelerator.is_available() and any(each.synchronize for each in _listeners)


def this_thread() -> int:
    """The number of the thread that runs."""
    return _thread.number


def open_spans() -> list[Span]:
    """Those of this thread."""
    return _thread.open


def go_on_with(spans: Sequence[Span]) -> None:
    """Let this thread work for another one that waits, inside that one's spans."""
    _thread.open = list(spans)


def begin(name: str, kind: str, given: Iterable[Any] = ()) -> Span:
    """Open a span in this thread.

    Args:
        name: the op's.
        kind: FORWARD, BACKWARD or ENGINE.
        given: its arguments.
    """
    if _waits:
        _wait_for_devices(given)
    running = _thread.open
    span = Span(name, kind, _thread.number, running[-1] if running else None)
    running.append(span)
    return span


def end(span: Span, given: Sequence[Any] = (), made: Any = None) -> None:
    """Close a span, and show it to the profiles that it belongs to.

    Args:
        span: what ``begin`` returned.
        given: the arguments: what shares their memory was not made.
        made: what was returned.
    """
    if _waits:
        _wait_for_devices((made, *given))
    span.ended = perf_counter_ns()
    if made is not None:
        span.bytes = _bytes_made(made, given, span.inner > 0)
    running = _thread.open
    while running and running.pop() is not span:
        pass  # what an exception from another thread has left open
    for listener in _listeners:
        if span.started >= listener.started:
            listener.ended(span)
    if span.parent is not None:
        span.parent.inner += perf_counter_ns() - span.started


_HOLDERS = (list, tuple, Tensor, Variable)


def _tensors(value: Any) -> Iterator[Tensor | Variable]:
    """The tensors and Variables in an argument or a result."""
    if isinstance(value, Tensor | Variable):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)


def _wait_for_devices(values: Iterable[Any]) -> None:
    """Wait until the devices of these tensors are done, so that a clock shows what they did."""
    for device in {t.device for t in _tensors(tuple(values)) if not t.is_cpu}:
        if device.type != "meta":
            torch.accelerator.synchronize(device)


def _bytes_made(made: Any, given: Sequence[Any], has_inner: bool) -> int:
    """The memory of the results that none of the arguments has.

    A Variable that comes from a span inside is that span's.
    """
    if made.__class__ is Tensor:  # nearly always, and this runs in each call
        place = _memory(made)
        for each in given:
            if each.__class__ is Tensor:
                if _memory(each) == place:
                    return 0
            elif isinstance(each, _HOLDERS) and place in map(_memory, _tensors(each)):
                return 0
        return _bytes_of(made)
    results = [t for t in _tensors(made) if not (has_inner and isinstance(t, Variable))]
    known = set(map(_memory, _tensors(tuple(given)))) if results else set()
    total = 0
    for result in results:
        place = _memory(result)
        if place not in known:
            known.add(place)
            total += _bytes_of(result._data if isinstance(result, Variable) else result)
    return total


def _memory(tensor: Tensor | Variable) -> int:
    """Where the memory of a tensor begins, or what else tells it from others'."""
    if isinstance(tensor, Variable):
        tensor = tensor._data
    try:
        # Not by the storage, which takes five times as long to ask for.
        place: Any = tensor.data_ptr() - tensor.storage_offset() * tensor.itemsize
    except Exception:  # sparse, or a subclass without memory of its own: there are many
        place = 0
    return place or -id(tensor)


def _bytes_of(tensor: Tensor) -> int:
    if tensor.layout is not torch.strided:
        return _bytes_of_parts(tensor)
    size: int = tensor.numel() * tensor.itemsize
    if 0 in tensor.stride():  # an expanded one shows the same bytes many times
        with suppress(NotImplementedError, RuntimeError):
            size = min(size, int(tensor.untyped_storage().nbytes()))
    return size


def _bytes_of_parts(tensor: Tensor) -> int:
    """The bytes of a sparse tensor."""
    if tensor.layout is torch.sparse_coo:
        return int(tensor._values().nbytes + tensor._indices().nbytes)
    by_rows = tensor.layout in (torch.sparse_csr, torch.sparse_bsr)
    names = ("crow_indices", "col_indices") if by_rows else ("ccol_indices", "row_indices")
    return sum(int(getattr(tensor, name)().nbytes) for name in ("values", *names))
