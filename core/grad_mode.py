"""The grad modes: whether calls of ops are recorded, per thread.

plugrad has no switch of its own: it reads torch's. So ``with torch.no_grad():`` inside any
model means the same for Variables as for tensors. The addition here is that, as decorators,
they also handle coroutines: torch's decorators would leave their mode before the body of an
``async def`` begins.
"""

from __future__ import annotations

import functools
import inspect
from types import coroutine
from typing import TYPE_CHECKING, Any

import torch
from torch import is_grad_enabled, is_inference_mode_enabled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]


class no_grad(torch.no_grad):  # noqa: N801
    """Record nothing: ``with``, or a decorator of a function, method, generator or coroutine."""

    def __call__(self, func: Any) -> Any:
        return decorated(self, func, super().__call__)


class enable_grad(torch.enable_grad):  # noqa: N801
    """Record, also inside ``no_grad``: ``with``, or a decorator."""

    def __call__(self, func: Any) -> Any:
        return decorated(self, func, super().__call__)


class set_grad_enabled(torch.set_grad_enabled):  # noqa: N801
    """Record or not, from the call on; a ``with`` block undoes it at its end. Also a decorator."""

    def __call__(self, func: Any) -> Any:
        return decorated(self, func, super().__call__)


class inference_mode(torch.inference_mode):  # noqa: N801
    """Record nothing, and make Variables that can never be part of a graph. Also a decorator."""

    def __call__(self, func: Any) -> Any:
        return decorated(self, func, super().__call__)


def decorated(mode: Any, func: Any, as_torch_does: Callable[..., Any]) -> Any:
    """``func`` in ``mode``: a coroutine or an asynchronous generator step by step."""
    if inspect.iscoroutinefunction(func):

        @functools.wraps(func)
        async def in_mode(*args: Any, **kwargs: Any) -> Any:
            return await _step_by_step(func(*args, **kwargs), mode.clone)

        undecorated: Any = in_mode
    elif inspect.isasyncgenfunction(func):

        @functools.wraps(func)
        async def each_in_mode(*args: Any, **kwargs: Any) -> Any:
            items: AsyncGenerator[Any, Any] = func(*args, **kwargs)
            sent = None
            try:
                while True:
                    sent = yield await _step_by_step(items.asend(sent), mode.clone)
            except StopAsyncIteration:
                return
            finally:
                await _step_by_step(items.aclose(), mode.clone)

        undecorated = each_in_mode
    else:
        return as_torch_does(func)
    if isinstance(mode, torch.set_grad_enabled):  # it was set when it was made
        torch._C._set_grad_enabled(mode.prev)
    return undecorated


@coroutine
def _step_by_step(awaited: Any, make_mode: Callable[[], Any]) -> Generator[Any, Any, Any]:
    """Run ``awaited`` in a mode, but not what runs in the same thread while it waits."""
    step, given = awaited.send, None
    while True:
        with make_mode():
            try:
                waiting = step(given)
            except StopIteration as stop:
                return stop.value
        try:
            step, given = awaited.send, (yield waiting)
        except GeneratorExit:
            awaited.close()
            raise
        except BaseException as error:  # any exception belongs to the coroutine
            step, given = awaited.throw, error
