"""The end of a call: its outputs as Variables, and the record that leads back from them."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.anomaly import note_call
from plugrad.core.context import total_version, whole
from plugrad.core.held import refuse_what_is_lost
from plugrad.core.inplace import changed_in_place, rebase
from plugrad.core.node import (
    OutputMeta,
    Record,
    edge_to,
    next_sequence_number,
    origins,
)
from plugrad.core.saved import enabled_autocast, pack_saved, top_hooks
from plugrad.core.variable import Variable, plain, recorded
from plugrad.core.views import note_custom_views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.context import Context
    from plugrad.core.function import Function

_new = object.__new__
_is_anomaly_enabled = torch.is_anomaly_enabled
_is_any_autocast_enabled = torch._C._is_any_autocast_enabled


#: Shapes of recent outputs. Records share them: one tuple less for each node of a live graph, to
#: make and for Python's garbage collector to visit (it never untracks a torch.Size).
_shapes: dict[tuple[int, ...], tuple[int, ...]] = {}
_MOST_SHAPES = 1024


def _remembered(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(_shapes) >= _MOST_SHAPES:
        _shapes.clear()
    return _shapes.setdefault(tuple(shape), tuple(shape))


def record(node: Record, output: Tensor) -> Variable:
    """Complete ``node`` after its forward and return its only output as a Variable."""
    dtype = output.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        return plain(output)
    shape = output.shape
    known = _shapes.get(shape)
    node._pg_shape = _remembered(shape) if known is None else known
    node._pg_dtype = dtype
    node._pg_sequence_number = next_sequence_number()
    if node._pg_kept and top_hooks(True) is not None:
        pack_saved(node)
    if _is_anomaly_enabled() or _is_any_autocast_enabled():
        note_modes(node)
    variable = _new(Variable)  # as recorded() does; the call would cost 3 % of an op
    variable._data = output
    variable._grad = variable._extra = None
    variable._edge = node
    variable._requires_grad = True
    return variable


def record_any(node: Record, output: Any, raw: Sequence[Any], operands: Sequence[Any]) -> Any:
    """The same for any outputs, and for whatever the op put on its context."""
    if not node._pg_keeps_tensors:
        refuse_what_is_lost(node, output, operands)
    if not isinstance(output, Tensor | tuple | list):
        return output
    single = isinstance(output, Tensor)
    if single and node._pg_is_builtin and not node._pg_dirty:
        for tensor, operand in zip(raw, operands, strict=True):
            if output is tensor and isinstance(operand, Variable):
                return operand  # as torch's own: x.contiguous() may be x
    outputs = [output] if single else list(output)
    dirty = changed_in_place(node, raw, operands, outputs) if node._pg_dirty else {}
    given = {id(t) for t in raw if isinstance(t, Tensor)}
    # Two Variables with one tensor object could not tell which of them was changed or saved.
    marked, constants = {id(t) for t in node._pg_constants}, set()
    for i, t in enumerate(outputs):
        if isinstance(t, Tensor) and id(t) in given and id(t) not in dirty:
            outputs[i] = t.detach() if id(t) in marked else t.view_as(t)
        if id(t) in marked:
            constants.add(id(outputs[i]))
    node._pg_origins = origins(node._pg_saved or (), raw, outputs, dirty, node._pg_constants)
    note_constants(node, node._pg_origins, operands)
    _note_for_jvp(node, raw, outputs, dirty, constants)
    node.__dict__.pop("_pg_constants", None)  # the record keeps nothing but what it saved
    if single and outputs[0].__class__ is Tensor and not dirty and not constants:
        variable = record(node, outputs[0])
        _note_views(node._pg_function, operands, [variable], node)
        return variable
    _complete(node, outputs, single)
    variables: dict[int, Any] = {}
    for number in reversed(range(len(outputs))):  # as in torch, what is returned twice is the last
        if id(outputs[number]) not in variables:
            made = _output(node, number, outputs[number], dirty, constants)
            variables[id(outputs[number])] = made
    given_back = [variables[id(t)] for t in outputs]
    _note_views(node._pg_function, operands, given_back, node)
    return given_back[0] if single else like(output, given_back)


def _note_for_jvp(
    node: Record,
    raw: Sequence[Any],
    outputs: list[Any],
    dirty: dict[int, Any],
    constants: set[int],
) -> None:
    if constants:
        node._pg_constant_outputs = tuple([i for i, t in enumerate(outputs) if id(t) in constants])
    kept, saved = node.__dict__.pop("_pg_for_jvp", None), node._pg_saved or ()
    if kept is None or (
        len(saved) == len(kept) and all(a is b for a, b in zip(saved, kept, strict=True))
    ):
        return
    of = origins(kept, raw, outputs, dirty, node._pg_constants)
    node._pg_saved_for_jvp = kept, of, total_version(kept)


def _complete(node: Record, outputs: list[Any], single: bool) -> None:
    node._pg_sequence_number = next_sequence_number()
    if single:
        node._pg_shape, node._pg_dtype = tuple(outputs[0].shape), outputs[0].dtype
    else:
        node._pg_shape = node._pg_dtype = None
        node._pg_special = True
        node._pg_outputs = tuple(
            [OutputMeta(t) if isinstance(t, Tensor) else None for t in outputs]
        )
    pack_saved(node)
    note_modes(node)


def _output(
    node: Record,
    number: int,
    tensor: Any,
    dirty: dict[int, tuple[Variable, int]],
    constants: set[int],
) -> Any:
    if not isinstance(tensor, Tensor):
        return tensor
    differentiable = is_differentiable(tensor.dtype)
    changed, position = dirty.get(id(tensor), (None, 0))
    if not differentiable or id(tensor) in constants:
        return plain(tensor) if changed is None else changed
    if changed is None:
        return recorded(tensor, edge_to(node, number))
    rebase(changed, edge_to(node, number), position)
    return changed


def _note_views(
    function: type[Function] | None,
    operands: Sequence[Any],
    outputs: Sequence[Any],
    node: Record | None = None,
) -> None:
    """Note the views that a Function made which is not declared a view; those of inputs for jvp."""
    if function is None or not any(map(_is_torchs_view, outputs)):
        return
    declaration = function.declaration
    if declaration is not None and declaration.view:
        return
    views = note_custom_views(function, operands, outputs)
    if node is not None and views:
        node._pg_view_outputs = views


def _is_torchs_view(output: Any) -> bool:
    return isinstance(output, Variable) and whole(output._data)._is_view()


def note_constants(record: Record, origins: Sequence[Any], operands: Sequence[Any]) -> None:
    """Note the Variables whose tensors are kept, by these origins, as those of constants."""
    edges = record._pg_edges
    for origin in origins:
        if origin.__class__ is int and origin >= 0 and edges[origin] is None:
            operand = operands[origin]
            if isinstance(operand, Variable):
                if record._pg_constant_operands is None:
                    record._pg_constant_operands = {}
                record._pg_constant_operands[origin] = weakref.ref(operand)


def note_constant_tensors(record: Record, raw: Sequence[Any]) -> None:
    """Note what the zeros are like that a user's jvp is given for constant tensors."""
    found = {
        position: OutputMeta(tensor)
        for position, (tensor, edge) in enumerate(zip(raw, record._pg_edges))  # noqa: B905 (padded)
        if edge is None and isinstance(tensor, Tensor) and is_differentiable(tensor.dtype)
    }
    if found:
        record._pg_constant_tensors = found


def is_differentiable(dtype: torch.dtype) -> bool:
    """Whether values of this dtype can have gradients and tangents."""
    return dtype.is_floating_point or dtype.is_complex


def note_modes(node: Record) -> None:
    """Note what backward must know: the autocast state, and in anomaly mode the stack."""
    if _is_any_autocast_enabled():
        node._pg_autocast = tuple(enabled_autocast())
        node._pg_special = True
    if _is_anomaly_enabled():
        note_call(node)
        node._pg_special = True


def untracked(
    context: Context,
    output: Any,
    raw: Sequence[Any],
    operands: Sequence[Any],
    function: type[Function],
) -> Any:
    """The outputs of a call that was not recorded, as Variables."""
    if isinstance(output, Tensor):
        variable = _untracked(context, output, raw, operands, function)
        if not function.is_builtin():
            _note_views(function, operands, [variable])
        return variable
    if isinstance(output, tuple | list):
        variables: dict[int, Any] = {}
        for t in output:
            if id(t) not in variables:
                tensor = isinstance(t, Tensor)
                made = _untracked(context, t, raw, operands, function) if tensor else t
                variables[id(t)] = made
        outputs = [variables[id(t)] for t in output]
        if not function.is_builtin():
            _note_views(function, operands, outputs)
        return like(output, outputs)
    return output


def _untracked(
    context: Context,
    tensor: Tensor,
    raw: Sequence[Any],
    operands: Sequence[Any],
    function: type[Function],
) -> Variable:
    for given, operand in zip(raw, operands, strict=True):
        if tensor is given:
            dirty = any(tensor is t for t in context._pg_dirty)
            detached_by_mode = isinstance(operand, Variable) and operand.requires_grad
            same = function.is_builtin() or (dirty and not detached_by_mode)
            if isinstance(operand, Variable) and same:
                return operand
            tensor = tensor.detach() if detached_by_mode else tensor.view_as(tensor)
            break
    return plain(tensor)


def without_graph(output: Any) -> Any:
    """What a user's forward returned, as tensors: its own rule is their only derivative.

    Forward may have used Variables, or tensors that torch records, which were not passed to it.
    torch runs it without grad mode; to set that would cost each call more than this.
    """
    if isinstance(output, Variable):
        return output._data.detach()
    if isinstance(output, Tensor):
        return detached(output) if output.requires_grad else output
    if isinstance(output, tuple | list):
        return like(output, [without_graph(each) for each in output])
    return output


def detached(tensor: Tensor) -> Tensor:
    """``tensor`` without torch's graph; a view is still one, so that a change of it is noticed."""
    own = tensor.detach()
    return own.view_as(own) if tensor._is_view() else own


def like(container: Any, items: list[Any]) -> Any:
    """``items`` in a container of the same type: list, tuple, a namedtuple of either kind."""
    make = getattr(type(container), "_make", type(container))
    return make(items)
