"""Tensors that a user's forward keeps or returns in containers, objects and closures."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.unpack import PLAIN
from plugrad.core.variable import Variable
from plugrad.errors import ContextError, OpDefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from plugrad.core.node import Record


def only_plain(attributes: dict[str, Any]) -> bool:
    """Whether what forward set on its context holds no tensor and asks for nothing special."""
    try:
        return _all_plain(attributes.values())
    except RecursionError:  # a list that is in itself
        return False


def _all_plain(values: Iterable[Any]) -> bool:
    for value in values:
        kind = value.__class__
        if kind not in PLAIN and not ((kind is tuple or kind is list) and _all_plain(value)):
            return False
    return True


def refuse_what_is_lost(node: Record, output: Any, operands: Sequence[Any]) -> None:
    """Raise if a tensor is where the engine does not look: on the context, or among the outputs."""
    if not only_plain(node.__dict__):
        _refuse_tensor_attributes(node, operands)
    if not (isinstance(output, Tensor) or node._pg_is_builtin):
        _refuse_tensors_in_containers(node, output)


def _refuse_tensor_attributes(node: Record, operands: Sequence[Any]) -> None:
    for name, value in node.__dict__.items():
        if value.__class__ in PLAIN or name.startswith("_pg_"):
            continue
        if holds_tensor(value):
            raise ContextError(
                f"forward of {node._pg_op_name} set the tensor ctx.{name}: an in-place change of "
                "it would go unnoticed, and it would outlive the graph",
                where=f"forward of {node._pg_op_name}",
                fix="use ctx.save_for_backward(...), and ctx.saved_tensors in backward",
            )
    if not node._pg_is_builtin:  # our own keep none
        note_hidden(node, operands)


def _refuse_tensors_in_containers(node: Record, output: Any) -> None:
    several = isinstance(output, tuple | list)
    for part in output if several else (output,):
        if isinstance(part, Tensor) or part.__class__ in PLAIN:
            continue
        for tensor in tensors_in(part):
            real = tensor.is_floating_point() or tensor.is_complex()
            if real and not any(tensor is t for t in node._pg_constants):
                kind = type(part).__name__
                raise OpDefinitionError(
                    f"forward of {node._pg_op_name} returned a tensor inside a {kind}"
                    f"{' among its outputs' if several else ''}, which would get no gradient",
                    where=f"forward of {node._pg_op_name}",
                    fix="return tensors, alone or in one tuple; one that has no gradient can be "
                    "anywhere after ctx.mark_non_differentiable(tensor)",
                )


def holds_tensor(value: Any) -> bool:
    """Whether ``value`` is or contains a tensor or Variable."""
    return any(True for _ in tensors_in(value))


def tensors_in(value: Any, around: tuple[int, ...] = ()) -> Iterator[Any]:
    """The tensors and Variables in ``value``, in containers at any depth, which may be a cycle."""
    if isinstance(value, Tensor | Variable):
        yield value
    elif id(value) in around:
        return
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from tensors_in(each, (*around, id(value)))
    elif isinstance(value, list | tuple | set | frozenset | deque):
        for each in value:
            yield from tensors_in(each, (*around, id(value)))


def note_hidden(node: Record, operands: Sequence[Any]) -> None:
    """Note a tensor in an object or a closure on the context, which no Variable can replace.

    A recorded rule would treat it as a constant. What was passed to forward (a function to
    call, a configuration) belongs to the caller: it is not something that forward computed.
    """
    known = {id(t) for t in (*operands, *node._pg_constants)}
    for name, value in node.__dict__.items():
        if value.__class__ in PLAIN or name.startswith("_pg_") or holds_tensor(value):
            continue
        for tensor in _hidden_in(value, known, 3):
            if id(tensor) not in known and (tensor.is_floating_point() or tensor.is_complex()):
                node.__dict__["_pg_hidden"] = (name, tensor)
                node._pg_special = True
                return


def tensors_behind(value: Any) -> Iterator[Any]:
    """The tensors and Variables in an object, a closure or a container, a few levels deep."""
    return _hidden_in(value, set(), 3)


def _hidden_in(value: Any, seen: set[int], depth: int) -> Iterator[Any]:
    if value.__class__ in PLAIN or id(value) in seen:
        return
    if isinstance(value, Tensor | Variable):
        yield value
        return
    if not depth or isinstance(value, type | ModuleType | torch.nn.Module):
        return
    seen.add(id(value))
    for each in _parts(value):
        yield from _hidden_in(each, seen, depth - 1)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, FunctionType):
        return [*cell_contents(value), *(value.__defaults__ or ())]
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset | deque):
        return list(value)
    slots = [getattr(value, s, None) for s in getattr(type(value), "__slots__", ())]
    return [*getattr(value, "__dict__", {}).values(), *slots]


def cell_contents(function: FunctionType) -> list[Any]:
    """What a function closes over, as far as it has a value yet."""
    found = []
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # an empty cell
            found.append(cell.cell_contents)
    return found
