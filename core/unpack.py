"""unpack: the arguments of a call as tensors, and the edges of its Variables."""

from __future__ import annotations

import sys
from numbers import Number
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.context import NUMBERS
from plugrad.core.data import without_class
from plugrad.core.older_forms import refuse_own_rules
from plugrad.core.torch_leaf import leaf_of, refuse_torch_graph
from plugrad.core.variable import Variable
from plugrad.errors import ArgumentError, HiddenVariableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plugrad.core.declaration import Signature
    from plugrad.core.node import Edge

#: Types that hold neither a tensor nor a Variable.
PLAIN = NUMBERS | {str, type(None), slice, torch.Size, torch.dtype, torch.device}


def unpack(
    args: tuple[Any, ...], op_name: str, recording: bool, own_lists: bool
) -> tuple[list[Any], list[Edge | None], list[int | None] | None, bool]:
    """The arguments with tensors for Variables, and the edges that lead from them.

    An argument that is a list of tensors has an edge for each, and its length is given;
    last comes whether there was a Variable at all. If ``own_lists``, a list of numbers is copied:
    an op may keep it, and the caller may change it.
    """
    raw: list[Any] = []
    edges: list[Edge | None] = []
    lengths: list[int | None] | None = None
    any_variable = False
    for position, arg in enumerate(args):
        if isinstance(arg, Variable):
            any_variable = True
            raw.append(arg._data)
            edges.append(edge_of(arg) if recording else None)
        elif arg.__class__ in PLAIN:
            raw.append(arg)
            edges.append(None)
        elif arg.__class__ is Tensor and arg.requires_grad and torch.is_grad_enabled():
            leaf = leaf_of(arg, op_name)
            raw.append(leaf._data)
            edges.append(edge_of(leaf) if recording else None)
        else:
            sequence = arg.__class__ is list or arg.__class__ is tuple
            if sequence and are_plain(arg):  # sizes, nearly always
                raw.append(arg.__class__(arg) if own_lists else arg)
                edges.append(None)
                continue
            if sequence:
                arg = arg.__class__([_with_leaf(v, op_name) for v in arg])
            raw.append(_raw(arg, op_name))
            any_variable = any_variable or (sequence and _any_variable(arg))
            if sequence and any(isinstance(v, Variable | Tensor) for v in arg):
                lengths = lengths or [None] * len(args)
                lengths[position] = len(arg)
                edges += [
                    edge_of(v) if recording and isinstance(v, Variable) else None for v in arg
                ]
            else:
                edges.append(None)
    return raw, edges, lengths, any_variable


def are_plain(values: Sequence[Any]) -> bool:
    """Whether ``values`` are numbers and the like."""
    for value in values:  # noqa: SIM110 (all() would make a generator in each call)
        if value.__class__ not in PLAIN:
            return False
    return True


def with_numbers(args: tuple[Any, ...], signature: Signature) -> tuple[Any, ...]:
    """``args`` with Python's numbers where a tensor of one element was given for one.

    Raises:
        ArgumentError: it is a Variable that requires grad, and there is no gradient for a number.
    """
    for position in signature.numbers:
        if position >= len(args):
            break
        given = args[position]
        kind = given.__class__
        if kind not in PLAIN and not ((kind is tuple or kind is list) and are_plain(given)):
            number = _number(given, signature, position)
            if number is not given:
                args = (*args[:position], number, *args[position + 1 :])
    return args


def _number(given: Any, signature: Signature, position: int) -> Any:
    if isinstance(given, Variable):
        if given.requires_grad and torch.is_grad_enabled():
            raise gradient_refused(signature.op_name, signature.positional[position])
        given = given._data
    if isinstance(given, Tensor):
        return given.item() if given.numel() == 1 else given
    if isinstance(given, list | tuple) and any(isinstance(v, Variable | Tensor) for v in given):
        return type(given)([_number(v, signature, position) for v in given])
    return given


def gradient_refused(op_name: str, parameter: str) -> ArgumentError:
    """The error for a gradient of a number; torch says that it must be a number."""
    return ArgumentError(
        f"{parameter!r} of {op_name}() is a Variable that requires grad, and there is no gradient "
        "for it",
        where=f"a call of {op_name}",
        fix="pass a number, or .detach() of the Variable",
    )


def distinct(raw: list[Any], args: tuple[Any, ...], lengths: Sequence[int | None] | None) -> None:
    """Give each Variable in a call its own tensor object, in ``raw``.

    A saved tensor then tells which Variable it is from, even if two share one tensor.
    """
    if lengths is None:
        ids = [id(t) for t in raw if isinstance(t, Tensor)]
        if len(ids) < 2 or len(set(ids)) == len(ids):
            return
    seen: dict[int, Any] = {}

    def own(tensor: Any, given: Any) -> Any:
        if isinstance(tensor, Tensor) and seen.setdefault(id(tensor), given) is not given:
            return tensor.detach()
        return tensor

    for position, (tensor, given) in enumerate(zip(raw, args, strict=True)):
        if lengths is not None and lengths[position] is not None:
            raw[position] = type(given)(map(own, tensor, given))
        else:
            raw[position] = own(tensor, given)


def _with_leaf(value: Any, op_name: str) -> Any:
    """An element of a list: a Variable for a leaf of torch's."""
    if value.__class__ is Tensor and value.requires_grad and torch.is_grad_enabled():
        return leaf_of(value, op_name)
    return value


def flat(args: Sequence[Any], lengths: Sequence[int | None]) -> list[Any]:
    """One entry per edge: lists of tensors opened up."""
    flat: list[Any] = []
    for arg, length in zip(args, lengths, strict=True):
        flat += [arg] if length is None else arg
    return flat


def _raw(value: Any, op_name: str, depth: int = 0) -> Any:
    """``value`` with every Variable in it replaced by its tensor."""
    if isinstance(value, Variable):
        if depth > 1 and torch.is_grad_enabled() and value.requires_grad:
            refuse_hidden("a nested list", op_name)
        return value._data
    if isinstance(value, Tensor):
        if value.requires_grad and torch.is_grad_enabled():
            refuse_torch_graph(value, op_name)
        return value if value.__class__ is Tensor else without_class(value)
    if value.__class__ is list or value.__class__ is tuple:
        return value.__class__([_raw(v, op_name, depth + 1) for v in value])
    if isinstance(value, dict | set) and _any_variable(
        value.values() if isinstance(value, dict) else value
    ):
        refuse_hidden(f"a {type(value).__name__}", op_name)
    refuse_own_rules(value, op_name)
    return _pythons(value)


def _pythons(value: Any) -> Any:
    """A NumPy number as Python's, which is all that torch's kernels take; else ``value``."""
    numpy = sys.modules.get("numpy")
    return value.item() if numpy is not None and isinstance(value, numpy.generic) else value


def raw_option(name: str, value: Any, op_name: str) -> Any:
    """A keyword-only argument with tensors for Variables; none of them may require grad."""
    if isinstance(value, Variable) and torch.is_grad_enabled() and value.requires_grad:
        raise HiddenVariableError(
            f"the keyword-only argument {name!r} of {op_name}, which is not differentiated, is a "
            "Variable that requires grad",
            where=f"a call of {op_name}",
            fix="pass a number, or .detach() of the Variable",
        )
    return _raw(value, op_name, depth=1)


def _any_variable(values: Iterable[Any]) -> bool:
    """Whether there is a Variable among ``values``, in lists and tuples at any depth."""
    return any(
        isinstance(v, Variable) or (isinstance(v, list | tuple) and _any_variable(v))
        for v in values
    )


def any_foreign(operands: tuple[Any, ...], op_name: str, in_place: bool = False) -> bool:
    """Whether an operator must leave ``operands`` to Python, which asks the other operand's type.

    Raises:
        ArgumentError: one is a NumPy array, which would compute without a graph that is needed,
            or, for an operator that is to work ``in_place``, make a new Variable.
    """
    if all(isinstance(_pythons(v), Variable | Tensor | Number) for v in operands):
        return False
    array = any(hasattr(v, "__array_interface__") for v in operands)
    if array and (in_place or _any_needs_graph(operands)):
        raise ArgumentError(
            f"{op_name} was given a NumPy array beside a Variable",
            where=f"the operator of {op_name}",
            fix="make the array a tensor: torch.as_tensor(array)",
        )
    return True


def _any_needs_graph(operands: tuple[Any, ...]) -> bool:
    wanted = [v.requires_grad for v in operands if isinstance(v, Variable)]
    return torch.is_grad_enabled() and any(wanted)


def refuse_hidden(place: str, op_name: str) -> NoReturn:
    """Raise HiddenVariableError."""
    raise HiddenVariableError(
        f"a Variable was passed to {op_name} inside {place}, where the graph cannot see it",
        where=f"a call of {op_name}",
        fix="pass it as a positional argument, or in a flat list or tuple; or pass .data if no "
        "gradient is needed",
    )
