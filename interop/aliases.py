"""Aliases of apply, bound before it was changed, where apply is written in C.

A library's ``swish = Swish.apply`` is torch's C function, wherever it is kept, and calls of
it do not pass the function that is put before apply. But they do reach the Function's
``forward``. So the forward of a Function with such an alias looks for Variables too.
"""

from __future__ import annotations

import gc
from functools import wraps
from threading import local
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.forward_ad import _set_fwd_grad_enabled
from torch.autograd.function import FunctionMeta

from plugrad.interop.torchs_apply import MAY_HOLD_VARIABLES, TORCHS_OWN, has_variable
from plugrad.interop.torchs_function import has_setup_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ABSENT = object()
#: What was put on a Function, and what the Function had there itself.
_put: list[tuple[type, str, Any, Any]] = []


#: Its ``modes`` are those that the caller of apply is in, which runs forward without gradients.
_caller = local()
_is_recording, _is_forward_mode = torch.is_grad_enabled, torch._C._is_fwd_grad_enabled


def watch(adopted: Callable[..., Any]) -> None:
    """Let calls of existing aliases hand Variables to ``adopted``.

    Args:
        adopted: called with the Function, the arguments and the keyword arguments.
    """
    for cls in _with_an_alias():
        _put_on(cls, "_backward_cls", _NotesModes(cls._backward_cls))
        in_two = has_setup_context(cls)
        _put_on(cls, "forward", staticmethod(_looking(cls, cls.forward, in_two, adopted)))
        if in_two:
            _put_on(cls, "setup_context", staticmethod(_after_torchs_forward(cls.setup_context)))


def forget() -> None:
    """Undo ``watch``, except for what was changed since."""
    while _put:
        cls, name, put, had = _put.pop()
        if vars(cls).get(name) is not put:
            continue
        if had is _ABSENT:
            delattr(cls, name)
        else:
            setattr(cls, name, had)


def _with_an_alias() -> set[Any]:
    """The Functions that have a bound apply of torch's own."""
    found: set[Any] = set()
    if gc.get_freeze_count():  # what is frozen is not among the objects
        found.update(_subclasses(torch.autograd.Function))
    else:
        found = {
            o.__self__
            for o in gc.get_objects()
            if type(o) is BuiltinFunctionType
            and o.__name__ == "apply"
            and issubclass(type(o.__self__), FunctionMeta)
        }
    return found


def _subclasses(cls: Any) -> Iterator[Any]:
    for subclass in type.__subclasses__(cls):
        yield subclass
        yield from _subclasses(subclass)


def _put_on(cls: type, name: str, value: Any) -> None:
    _put.append((cls, name, value, vars(cls).get(name, _ABSENT)))
    setattr(cls, name, value)


class _NotesModes:
    """An attribute of the class that apply reads in the caller's modes, before it calls forward."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        _caller.modes = _is_recording(), _is_forward_mode()
        return self._value


def _looking(
    cls: Any, forward: Callable[..., Any], in_two: bool, adopted: Callable[..., Any]
) -> Callable[..., Any]:
    """A Function's forward, which is skipped if it was given Variables."""

    @wraps(forward)
    def looks(*args: Any, **kwargs: Any) -> Any:
        for arg in (*args, *kwargs.values()) if kwargs else args:
            if (
                type(arg) not in TORCHS_OWN
                and isinstance(arg, MAY_HOLD_VARIABLES)
                and has_variable(arg)
            ):
                recording, forward_mode = _caller.modes
                with torch.set_grad_enabled(recording), _set_fwd_grad_enabled(forward_mode):
                    return adopted(cls, args if in_two else args[1:], kwargs)
        return forward(*args, **kwargs)

    return looks


def _after_torchs_forward(setup_context: Callable[..., Any]) -> Callable[..., Any]:
    """A Function's setup_context, which is not called if forward was skipped."""

    @wraps(setup_context)
    def sets_up(ctx: Any, inputs: Any, output: Any) -> Any:
        return None if has_variable(inputs) else setup_context(ctx, inputs, output)

    return sets_up
