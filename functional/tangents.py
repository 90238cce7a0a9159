"""Forward mode: tangents, pushed through a recorded graph from its inputs to its outputs.

A record pushes with its op's own jvp, which an Elementwise has from its slope; with its
backward if that is the same (an elementwise op of real numbers, whose Jacobian is
diagonal); otherwise with the backward of its backward, which is linear in the cotangent. So
every op has forward mode.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.context import running, whole
from plugrad.core.cotangent import as_places, device_of, fit
from plugrad.core.engine import run
from plugrad.core.node import edge_to, ends, narrowed
from plugrad.core.record import is_differentiable
from plugrad.core.rule import apply_rule
from plugrad.core.variable import Variable, plain
from plugrad.core.ways import leading_to
from plugrad.errors import ForwardModeError
from plugrad.functional.jvp_checks import check_tangents, refuse_changed_tangent
from plugrad.functional.levels import recording

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plugrad.core.node import Edge, Record

#: A record and the number of its output: where a tangent is.
Place = tuple["Record", int]


def push(
    outputs: Sequence[Edge | None],
    sources: Mapping[Place, Any],
    recorded: bool,
    remember: Callable[[Record, list[Any]], None] | None = None,
) -> list[Any]:
    """The tangents of ``outputs``: tensors, or if it is ``recorded`` Variables; None for zero.

    Args:
        outputs: where the gradients of the outputs go.
        sources: the tangents that are given.
        recorded: whether the tangents can be differentiated.
        remember: is given each record on the way, with the tangents of all its outputs.

    Raises:
        ForwardModeError: an op has no jvp, and its backward cannot be differentiated.
    """
    tangents: dict[Place, Any] = dict(sources)
    given = {record for record, _ in sources}
    roots = [ends(edge)[0] for edge in outputs if edge is not None]
    through = leading_to(given, roots, cut=True)
    edges = [*outputs, *(edge for record in through for edge in record._pg_edges)]
    used = {ends(edge) for edge in edges if edge is not None}
    for record in sorted(through, key=lambda r: r._pg_sequence_number):
        into = [None if edge is None else tangents.get(ends(edge)) for edge in record._pg_edges]
        if any(t is not None for t in into):
            wanted = [n for n in range(_count(record)) if (record, n) in used]
            found = _pushed(record, into, wanted, recorded)
            if remember is not None and (_has_own_jvp(record) or wanted == _differentiable(record)):
                remember(record, found)
            for number, tangent in enumerate(found):
                if tangent is not None:
                    tangents[record, number] = tangent
    return [None if edge is None else tangents.get(ends(edge)) for edge in outputs]


def _count(record: Record) -> int:
    return 1 if record._pg_outputs is None else len(record._pg_outputs)


def _differentiable(record: Record) -> list[int]:
    """The numbers of the outputs that could have a tangent."""
    if record._pg_outputs is None:
        return [0]
    return [
        number
        for number, meta in enumerate(record._pg_outputs)
        if meta is not None and is_differentiable(meta.dtype)
    ]


def _has_own_jvp(record: Record) -> bool:
    function = record._pg_function
    return function is not None and function.has_own_jvp() and not record._pg_autocast


def _pushed(record: Record, into: list[Any], wanted: list[int], recorded: bool) -> list[Any]:
    """The tangents of a record's outputs from those of its inputs, None for zeros.

    Only those of the ``wanted`` outputs count.
    """
    if _has_own_jvp(record):
        return _by_jvp(record, into, recorded)
    if _has_diagonal(record, into):
        return [_by_rule(record, into, recorded)]
    return _by_transposing(record, into, wanted, recorded)


# --- by the op's own jvp -------------------------------------------------------------


def _by_jvp(record: Record, into: list[Any], recorded: bool) -> list[Any]:
    tangents = [_given(record, i, t, recorded) for i, t in enumerate(into)]
    for position, _ in record._pg_changed:  # it changes this one in place
        with torch.set_grad_enabled(recorded):
            tangents[position] = tangents[position].clone()
    versions = [None if t is None else _version(t) for t in into]
    per_argument = _per_argument(record, tangents)
    outer = running.recorded_rule
    running.recorded_rule = record if recorded else None
    try:
        with torch.set_grad_enabled(recorded):
            jvp = record._pg_function.jvp  # type: ignore[union-attr]
            pushed = jvp(_context_of_jvp(record), *per_argument)
    finally:
        running.recorded_rule = outer
    found = list(pushed) if isinstance(pushed, tuple | list) else [pushed]
    check_tangents(record, found, tangents)
    for position, (tangent, version) in enumerate(zip(into, versions, strict=True)):
        if tangent is not None and _version(tangent) != version:
            refuse_changed_tangent(record, position)
    return found


def _per_argument(record: Record, tangents: list[Any]) -> list[Any]:
    """The tangents with a tuple for each argument that is a list of tensors."""
    if record._pg_list_lengths is None:
        return tangents
    rest = iter(tangents)
    return [
        next(rest) if length is None else tuple([next(rest) for _ in range(length)])
        for length in record._pg_list_lengths
    ]


def _context_of_jvp(record: Record) -> Record:
    kept = record._pg_saved_for_jvp
    if kept is None:
        return record
    context = copy(record)
    context._pg_saved, context._pg_origins, context._pg_version = kept
    context._pg_narrowed_from = record._pg_narrowed_from or record
    return context


def _given(record: Record, position: int, tangent: Any, recorded: bool) -> Any:
    """What jvp is given as one tangent: zeros where there is none, if it expects that."""
    if tangent is not None:
        return tangent
    own = record._pg_is_builtin
    if not (own or record._pg_materialize_grads):
        return None
    edge, constants = record._pg_edges[position], record._pg_constant_tensors
    if edge is not None:
        return _zeros(edge, recorded)
    if own or constants is None or position not in constants:
        return None
    zeros = constants[position].zeros()
    return plain(zeros) if recorded else zeros


def _version(tangent: Any) -> int:
    tensor = whole(tangent._data if isinstance(tangent, Variable) else tangent)
    return 0 if tensor.is_inference() else tensor._version


# --- by the op's backward ------------------------------------------------------------


def _has_diagonal(record: Record, into: list[Any]) -> bool:
    """Whether backward pushes a tangent too: a real diagonal matrix is its own transpose."""
    function, dtype = record._pg_function, record._pg_dtype
    declaration = None if function is None else function.declaration
    return (
        declaration is not None
        and declaration.elementwise
        and dtype is not None
        and dtype.is_floating_point
        and record._pg_list_lengths is None
        and all(
            t is None
            or edge is None
            or (edge._pg_shape == record._pg_shape and edge._pg_dtype is dtype)
            for t, edge in zip(into, record._pg_edges, strict=True)
        )
    )


def _by_rule(record: Record, into: list[Any], recorded: bool) -> Any:
    total = None
    for position, (tangent, edge) in enumerate(zip(into, record._pg_edges, strict=True)):
        if tangent is None or edge is None:
            continue
        context = _needing(record, [i == position for i in range(len(into))])
        with torch.set_grad_enabled(recorded):
            gradient = apply_rule(context, tangent, recorded)[position]
            if gradient is not None:
                part = fit(record, gradient, edge, recorded)
                total = part if total is None else total + part
    return total


def _needing(record: Record, flags: list[bool]) -> Record:
    live = {ends(e)[0] for e, flag in zip(record._pg_edges, flags, strict=True) if flag and e}
    return narrowed(record, live)


def _by_transposing(
    record: Record, into: list[Any], wanted: list[int], recorded: bool
) -> list[Any]:
    """By the backward of the backward.

    Backward turns u into J^T u. Its own backward turns a tangent t into J t.
    """
    if hasattr(record._pg_rule, "once_differentiable"):
        raise ForwardModeError(
            f"{record._pg_op_name} has no jvp, and its backward is once_differentiable: forward "
            "mode would have to differentiate it",
            where=f"a call of {record._pg_op_name}",
            fix="add @staticmethod def jvp(ctx, *tangents): ... to the op; or use reverse mode: "
            "pg.func.vjp, pg.func.jacrev",
        )
    single = record._pg_outputs is None
    cotangents: list[Any] = [None] * _count(record)
    context = _needing(record, [t is not None for t in into])
    with recording():
        for number in wanted:
            cotangents[number] = plain(_zeros_at(edge_to(record, number))).requires_grad_()
        arrived = cotangents[0] if single else list(cotangents)
        gradients = apply_rule(context, arrived, True)
        pairs = [
            (fit(record, g, edge, True), t)
            for g, t, edge in zip(gradients, into, record._pg_edges, strict=True)
            if t is not None and g is not None and edge is not None
        ]
    pairs = [(g, t) for g, t in pairs if isinstance(g, Variable) and g.requires_grad]
    found: list[Any] = [None] * len(cotangents)
    if not pairs:
        return found
    targets = as_places([cotangents[i] for i in wanted])
    places = as_places([g for g, _ in pairs])
    for i, tangent in zip(
        wanted, run(places, [t for _, t in pairs], None, recorded, targets), strict=True
    ):
        found[i] = tangent
    return found


def _zeros(edge: Edge, recorded: bool) -> Any:
    return plain(_zeros_at(edge)) if recorded else _zeros_at(edge)


def _zeros_at(edge: Edge) -> Tensor:
    return torch.zeros(edge._pg_shape or (), dtype=edge._pg_dtype, device=device_of(edge))
