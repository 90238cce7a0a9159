"""Another stack, for backwards nested deeper than Python's stack allows."""

from __future__ import annotations

import contextvars
import ctypes
from contextlib import ExitStack
from threading import Event, Thread, get_ident, local
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from plugrad.core.context import running, transform_depth
from plugrad.core.saved import enabled_autocast, top_saved_tensors_hooks

if TYPE_CHECKING:
    from collections.abc import Callable


def on_another_stack(work: Callable[[], None], stop: Callable[[], None]) -> None:
    """Call ``work`` in a thread with this thread's modes, and wait for it.

    Args:
        work: what to do; its exceptions are raised here.
        stop: makes ``work`` end early; called when waiting is interrupted.
    """
    if transform_depth():  # torch.func's levels are this thread's, and cannot be entered again
        work()
        return
    modes, dual_level = _modes(), running.dual_level
    threads = _chain.threads
    raised: list[BaseException] = []
    done = Event()

    def run() -> None:
        try:
            _chain.threads, running.dual_level = threads, dual_level
            threads.append(get_ident())
            try:
                with ExitStack() as stack:
                    for mode in modes:
                        stack.enter_context(mode())
                    work()
            finally:
                threads.remove(get_ident())
        except BaseException as error:  # any exception belongs to the caller
            raised.append(error)
        finally:
            try:
                done.set()
            except BaseException:  # an interruption that came late
                done.set()

    Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
    interruption = None
    # Not join(): before Python 3.13 it considers a thread dead if waiting was interrupted.
    while not done.is_set():
        interruption = _interrupted(done, interruption is not None, threads) or interruption
        if interruption is not None:
            stop()
    if interruption is not None:
        raise interruption
    if raised:
        raise raised[0]


class _Chain(local):
    """The threads that wait for one another, the innermost last."""

    def __init__(self) -> None:
        self.threads: list[int] = []


_chain = _Chain()


def _interrupted(done: Event, before: bool, threads: list[int]) -> BaseException | None:
    """Wait for ``done``; an interruption is handed on to the innermost thread, and returned."""
    try:
        # Asked again after a second, since an exception raised inside a finalizer is lost.
        if not done.wait(1 if before else None):
            _interrupt(threads)
    except BaseException as error:
        _interrupt(threads)
        return error
    return None


def _interrupt(threads: list[int]) -> None:
    """Raise KeyboardInterrupt in the innermost thread: only it runs, the others wait for it."""
    for ident in threads[-1:]:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(ident), ctypes.py_object(KeyboardInterrupt)
        )


def _modes() -> list[Callable[[], Any]]:
    """What makes the modes that this thread is in, from the outermost."""
    inference, grad = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    modes: list[Callable[[], Any]] = [
        lambda: torch.inference_mode(inference),
        lambda: torch.set_grad_enabled(grad),
    ]
    for device, dtype in enabled_autocast():
        modes.append(lambda d=device, t=dtype: torch.autocast(d, dtype=t))  # type: ignore[misc]
    hooks = top_saved_tensors_hooks()
    if hooks is not None:
        modes.append(lambda: torch.autograd.graph.saved_tensors_hooks(*hooks))
    modes += [lambda m=m: m for m in _get_current_function_mode_stack()]  # type: ignore[misc,no-untyped-call]
    modes += [lambda m=m: m for m in _get_current_dispatch_mode_stack()]  # type: ignore[misc]
    return modes
