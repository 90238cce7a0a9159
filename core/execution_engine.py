"""``Variable._execution_engine``: what libraries ask of torch's engine while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.core.context import running
from plugrad.errors import BackwardError

if TYPE_CHECKING:
    from collections.abc import Callable


class ExecutionEngine:
    """The part of torch's ``Variable._execution_engine`` that hooks use."""

    def queue_callback(self, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` when the backward that runs now has ended; of nested ones, the inner.

        Callbacks run in the order that they were queued in, also those that a callback queues. If
        backward or a callback raises, no further one runs.

        Raises:
            BackwardError: no backward of plugrad's runs in this thread.
        """
        if running.walk is None:
            raise BackwardError(
                "Final callbacks can only be installed during backward pass",
                where="a call of plugrad.Variable._execution_engine.queue_callback",
                fix="call it in a hook, or in a Function's backward; in a backward of torch's "
                "engine, call torch.autograd.Variable._execution_engine.queue_callback",
            )
        if running.walk.final_callbacks is None:
            running.walk.final_callbacks = []
        running.walk.final_callbacks.append(callback)


def run_final_callbacks(walk: Any) -> None:
    """Call what was queued, and what that queues."""
    for callback in walk.final_callbacks:  # the list may grow meanwhile
        callback()
