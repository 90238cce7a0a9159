"""time_limit: ends what takes too long, as far as Python can."""

from __future__ import annotations

import ctypes
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator


class TimeLimitExceeded(BaseException):
    """A law took longer than its time limit."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimitExceeded in the block once it has run for ``seconds``.

    In the main thread of a POSIX system a signal ends sleeping and waiting too; elsewhere
    the exception comes up at the next Python instruction. A call in C that does not return
    can be ended by neither. Timers of the host (a test runner's) are put back.
    """
    if seconds <= 0:
        yield
    elif _by_signal():
        with _alarm(seconds):
            yield
    else:
        with _exception_from_outside(seconds):
            yield


@contextmanager
def alarms() -> Iterator[None]:
    """Make the time limits in the block cheap: what they share is prepared once."""
    if not _by_signal():
        yield
        return
    previous = signal.signal(signal.SIGALRM, _stop)
    _ready.append(True)
    try:
        yield
    finally:
        _ready.pop()
        signal.signal(signal.SIGALRM, previous)


#: As many entries as there are ``alarms`` around us, all in the main thread.
_ready: list[bool] = []


def _by_signal() -> bool:
    main = threading.current_thread() is threading.main_thread()
    return main and hasattr(signal, "setitimer")


def _stop(*_: Any) -> NoReturn:
    raise TimeLimitExceeded


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    if not _ready:
        with alarms(), _alarm(seconds):
            yield
        return
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)


@contextmanager
def _exception_from_outside(seconds: float) -> Iterator[None]:
    thread = ctypes.c_ulong(threading.get_ident())
    lock, done = threading.Lock(), False

    def stop() -> None:
        with lock:
            if not done:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    thread, ctypes.py_object(TimeLimitExceeded)
                )

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            done = True
        timer.cancel()
