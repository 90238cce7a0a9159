"""Hooks: functions that are called with gradients, and where they are kept."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from torch import Tensor
from torch.autograd.graph import register_multi_grad_hook
from torch.utils.hooks import RemovableHandle

from plugrad.errors import HookError

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable

    from plugrad.core.variable import Variable


class Registered(NamedTuple):
    """A hook, and the line that registered it."""

    hook: Callable[..., Any]
    place: str

    @property
    def name(self) -> str:
        """What errors call the hook."""
        return getattr(self.hook, "__name__", type(self.hook).__name__)


_TORCHS_GRAPH = register_multi_grad_hook.__code__.co_filename

#: Hooks by the id of their handle, in the order of registration.
Hooks = OrderedDict[int, Registered]


class Arrival:
    """What happens to the gradient of one value once it is complete: hooks, then retain.

    A leaf keeps one; a record keeps one for each output that needs it.
    """

    __slots__ = ("hooks", "retained_by")

    def __init__(self) -> None:
        self.hooks: Hooks = OrderedDict()
        #: The non-leaf whose ``grad`` keeps the gradient.
        self.retained_by: weakref.ref[Variable] | None = None


def register(hooks: Hooks, hook: Callable[..., Any], depth: int = 2) -> RemovableHandle:
    """Add ``hook``; the handle removes it, also at the end of a ``with``.

    Args:
        hooks: where it is kept.
        hook: the callable.
        depth: how many frames up the line is that registers it.

    Raises:
        HookError: it cannot be called, or it is part of torch's hook on several tensors.
    """
    if not callable(hook):
        raise HookError(
            f"a hook must be callable, not a {type(hook).__name__}", fix="pass a function"
        )
    frame = sys._getframe(depth)
    if frame.f_code.co_filename == _TORCHS_GRAPH:
        _refuse_torchs_hook_on_several()
    handle = RemovableHandle(hooks)
    hooks[handle.id] = Registered(hook, f"{frame.f_code.co_filename}:{frame.f_lineno}")
    return handle


def _refuse_torchs_hook_on_several() -> NoReturn:
    raise HookError(
        "torch.autograd.graph.register_multi_grad_hook was given a Variable: its hook asks torch's "
        "engine which backward runs",
        fix="call plugrad.graph.register_multi_grad_hook; for torch.utils' FlopCounterMode and "
        "ModuleTracker, which call torch's, use the model before plugrad.interop.convert(model)",
    )


def call(registered: Registered, *args: Any) -> Any:
    """Call a hook; what it raises names the line that registered it."""
    try:
        return registered.hook(*args)
    except Exception as error:
        note(error, f"raised by the hook registered at {registered.place}")
        raise


def run_hooks(hooks: Hooks, gradient: Variable | None) -> Variable | None:
    """``gradient`` after each hook, which may replace it; None where none has arrived."""
    for registered in list(hooks.values()):  # a hook may add or remove hooks
        result = call(registered, gradient)
        if result is not None:
            gradient = replacement(registered, result, gradient)
    return gradient


def replacement(registered: Registered, result: Any, gradient: Any) -> Any:
    """The Variable that a hook returned in place of ``gradient``.

    Raises:
        HookError: it is not a tensor of the same shape, dtype and device.
    """
    if gradient is None:
        raise HookError(
            "can't replace a None gradient with a non-None value",
            where=f"the hook registered at {registered.place}",
            fix="return None where the hook is given None: no gradient has arrived there",
        )
    if isinstance(result, Tensor):
        result = type(gradient)(result)
    name = registered.name
    if not isinstance(result, type(gradient)):
        problem = f"expected Variable, but hook {name!r} returned a {type(result).__name__}"
    elif result.shape != gradient.shape:
        problem = (
            f"hook {name!r} has changed the size of value (was {tuple(gradient.shape)} got "
            f"{tuple(result.shape)})"
        )
    elif result.dtype is not gradient.dtype:
        problem = (
            f"hook {name!r} has changed the type of value (was {gradient.dtype} got {result.dtype})"
        )
    elif result.device != gradient.device:
        problem = (
            f"hook {name!r} has changed the device of value (was {gradient.device} got "
            f"{result.device})"
        )
    else:
        return result
    raise HookError(
        problem,
        where=f"the hook registered at {registered.place}",
        fix="return None to keep the gradient, or a tensor of its shape, dtype and device",
    )


def note(error: BaseException, text: str) -> None:
    """Add a line to an error's message, and leave its traceback as it is."""
    if hasattr(error, "add_note"):
        error.add_note(text)
    elif error.args and isinstance(error.args[0], str):  # Python 3.10
        error.args = (f"{error.args[0]}\n{text}", *error.args[1:])


def replaced(registered: Registered, result: Any, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
    """The gradients after a hook of a node returned ``result`` for them.

    Raises:
        HookError: it returned another number of gradients, or one that does not fit.
    """
    if result is None:
        return gradients
    given = tuple(result) if isinstance(result, tuple | list) else (result,)
    if len(given) != len(gradients):
        raise HookError(
            f"hook {registered.name!r} has returned an incorrect number of values (got "
            f"{len(given)}, but expected {len(gradients)})",
            where=f"the hook registered at {registered.place}",
            fix="return None, or one gradient (or None) for each that the hook was given",
        )
    return tuple(
        [
            new if new is None or old is None else replacement(registered, new, old)
            for new, old in zip(given, gradients, strict=True)
        ]
    )
