"""Another stack, for backwards that run inside one another deeper than Python's stack goes."""

from __future__ import annotations

import contextvars
from contextlib import ExitStack
from threading import Thread
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from plugrad.core.saved import AUTOCAST_DEVICES, top_saved_tensors_hooks

if TYPE_CHECKING:
    from collections.abc import Callable


def on_another_stack(work: Callable[[], None], stop: Callable[[], None]) -> None:
    """Call ``work`` in a thread with this thread's modes, and wait for it.

    Args:
        work: what to do; what it raises is raised here.
        stop: makes ``work`` end early; called when waiting is interrupted.
    """
    modes = _modes()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            with ExitStack() as stack:
                for mode in modes:
                    stack.enter_context(mode())
                work()
        except BaseException as error:  # whatever it is, it belongs to the caller
            raised.append(error)

    thread = Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:  # an interruption
        stop()
        thread.join()
        raise
    if raised:
        raise raised[0]


def _modes() -> list[Callable[[], Any]]:
    """What makes the modes that this thread is in, from the outermost."""
    inference, grad = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    modes: list[Callable[[], Any]] = [
        lambda: torch.inference_mode(inference),
        lambda: torch.set_grad_enabled(grad),
    ]
    for device in AUTOCAST_DEVICES:
        enabled, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
        if enabled:
            modes.append(lambda d=device, t=dtype: torch.autocast(d, dtype=t))  # type: ignore[misc]
    hooks = top_saved_tensors_hooks()
    if hooks is not None:
        modes.append(lambda: torch.autograd.graph.saved_tensors_hooks(*hooks))
    modes += [lambda m=m: m for m in _get_current_function_mode_stack()]  # type: ignore[misc,no-untyped-call]
    modes += [lambda m=m: m for m in _get_current_dispatch_mode_stack()]  # type: ignore[misc]
    return modes
