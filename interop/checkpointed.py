"""torch's reentrant checkpoint of tensors only, by a function that computes with Variables.

It is a torch.autograd.Function whose forward runs a function without a graph. The Variables may be
what that function refers to, parameters of a converted module, say: it is not given them.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from plugrad.core.held import cell_contents
from plugrad.core.torch_leaf import leaf_of
from plugrad.core.variable import Variable
from plugrad.core.written import entered
from plugrad.errors import CheckpointArgumentError
from plugrad.interop.torchs_apply import has_variable

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How many objects are looked at. If Variables are beyond, the call is refused when it has returned
#: them.
_MOST = 2000
_HELD = (Variable, nn.Module, list, tuple, dict, partial, MethodType, FunctionType)


def with_leaves(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of torch's checkpoint: Variables, if its function computes with some."""
    if not _is_differentiated(args) or not runs_variables(args[0]):
        return args
    return tuple([_with_leaf(a) for a in args])


def checked(output: Any, args: tuple[Any, ...]) -> Any:
    """What torch's checkpoint of tensors returned.

    Raises:
        CheckpointArgumentError: there are Variables in it, which no gradient leads through.
    """
    if _is_differentiated(args) and has_variable(output):
        raise CheckpointArgumentError(
            "torch's reentrant checkpoint was given no Variable, but its function returns some: "
            "nothing that it computes would have a gradient",
            where="a call of torch.utils.checkpoint.checkpoint with use_reentrant=True",
            fix="pass use_reentrant=False; or pass one of the Variables as an argument",
        )
    return output


def _is_differentiated(args: tuple[Any, ...]) -> bool:
    return torch.is_grad_enabled() and any(isinstance(a, Tensor) and a.requires_grad for a in args)


def _with_leaf(value: Any) -> Any:
    if not (isinstance(value, Tensor) and value.requires_grad):
        return value
    variable = entered(value)
    return leaf_of(value, "checkpoint") if variable is value else variable


def runs_variables(function: Any) -> bool:
    """Whether a function refers to a Variable, or to a module that has one as a parameter.

    That is in what it closes over, its defaults, the globals that it names, the object that it is
    a method of, and in lists, tuples, dicts and functions among these.
    """
    seen: set[int] = set()
    held = [function]
    while held and len(seen) < _MOST:
        value = held.pop()
        if isinstance(value, Variable):
            return True
        if id(value) not in seen:
            seen.add(id(value))
            held += islice(_referred(value), _MOST)
    return False


def _referred(value: Any) -> Iterator[Any]:
    if isinstance(value, nn.Module):
        yield from value.parameters()
    elif isinstance(value, FunctionType):
        yield from _referred_by_code(value)
    elif isinstance(value, MethodType):
        yield from (value.__self__, value.__func__)
    elif isinstance(value, partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()
    elif not isinstance(value, type):
        for each in getattr(value, "__dict__", {}).values():
            if isinstance(each, _HELD):
                yield each


def _referred_by_code(function: FunctionType) -> Iterator[Any]:
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from cell_contents(function)
    known = function.__globals__
    for name in _names(function.__code__):
        value = known.get(name)
        if isinstance(value, _HELD) and getattr(value, "__globals__", known) is known:
            yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
