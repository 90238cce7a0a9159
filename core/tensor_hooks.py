"""Hooks on plain tensors for which Variables stand: each runs once, on the whole gradient.

torch runs a tensor's hooks whenever a backward of its own arrives there. For such a tensor that is
too often, with a part of the gradient each time, or never: so the Variable runs them, and torch's
backward leaves them out while it serves one of ours.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from functools import partial, update_wrapper
from threading import local
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.context import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

    from plugrad.core.variable import Variable


class _TorchGoesOn(local):
    """Where torch's backward goes on with a gradient: it runs the tensor's hooks, not we."""

    #: The ids of records and leaves, for the backward of ours that has this depth.
    at: frozenset[int] = frozenset()
    depth = 0


_torch_goes_on = _TorchGoesOn()


@contextmanager
def torch_goes_on(at: Iterable[int]) -> Iterator[None]:
    """A backward of ours in the block leaves to torch what arrives at these."""
    outer = _torch_goes_on.at, _torch_goes_on.depth
    _torch_goes_on.at, _torch_goes_on.depth = frozenset(at), running.depth + 1
    try:
        yield
    finally:
        _torch_goes_on.at, _torch_goes_on.depth = outer


def torch_goes_on_at(place: int) -> bool:
    """Whether what arrives at the record or leaf of this id is for torch."""
    return place in _torch_goes_on.at and _torch_goes_on.depth == running.depth


#: The backwards of torch's in which these hooks are left out, by the numbers torch gives them.
_ours: set[int] = set()


def hooks_of(tensor: Tensor) -> dict[int, Any]:
    """The tensor's hooks, those too that are registered later."""
    hooks: dict[int, Any] | None = tensor._backward_hooks
    if hooks is None:  # as torch does for the first hook
        hooks = tensor._backward_hooks = OrderedDict()
        if tensor.grad_fn is not None:
            tensor.grad_fn._register_hook_dict(tensor)
    return hooks


def run_by(variable: Variable, hooks: dict[int, Any], place: int) -> None:
    """Have a tensor's hooks run where the gradient of the Variable that stands for it arrives."""
    variable.register_hook(partial(_run, hooks, place))


def _run(hooks: dict[int, Any], place: int, gradient: Variable | None) -> Any:
    """The gradient after the hooks, which are given a tensor unless it has a graph."""
    if gradient is None or torch_goes_on_at(place):
        return None
    given: Any = gradient if gradient.requires_grad else gradient._data
    for hook in tuple(hooks.values()):
        replaced = hook(given)
        given = given if replaced is None else replaced
    return given


def after(tensor: Tensor) -> Tensor:
    """The same numbers, one step further in torch's graph: where ``left_out`` has to start."""
    with torch.enable_grad():
        if tensor.layout is torch.strided:
            return torch.ops.aten.alias(tensor)  # type: ignore[no-any-return]
        return tensor.clone()


@contextmanager
def left_out(start: Any, several: Iterable[dict[int, Any]]) -> Iterator[None]:
    """In the block, torch's backward from the node ``start`` runs none of these hooks.

    ``start`` is the node of what ``after`` gives for a tensor.
    """
    for hooks in several:
        for number, hook in tuple(hooks.items()):
            if not isinstance(hook, _LeftOut):
                hooks[number] = _LeftOut(hook)
    begun: list[int] = []

    def begin(_: Any) -> None:
        # Here and not outside: the number is known only within, perhaps in another thread.
        begun.append(torch._C._current_graph_task_id())
        _ours.update(begun)

    handle = start.register_prehook(begin)
    try:
        yield
    finally:
        handle.remove()
        _ours.difference_update(begun)


class _LeftOut:
    """A hook, except in those backwards of torch's that serve ours."""

    def __init__(self, hook: Callable[[Tensor], Any]) -> None:
        update_wrapper(self, hook)
        self._hook = hook

    def __call__(self, gradient: Any) -> Any:
        return None if torch._C._current_graph_task_id() in _ours else self._hook(gradient)
