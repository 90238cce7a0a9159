"""Running the rule of a record: what it is given, and in which modes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import AccumulateGrad, call_post_accumulate
from plugrad.core.context import PackedByCheckpoint, hidden_error, running
from plugrad.core.cotangent import Place, device_of, fit, per_edge, root_gradient
from plugrad.core.grad_fn import node_of
from plugrad.core.node import edge_to
from plugrad.core.variable import Variable, plain
from plugrad.errors import ArgumentError

if TYPE_CHECKING:
    from plugrad.core.node import Record


def apply_rule(context: Record, arrived: Any, create_graph: bool) -> tuple[Any, ...]:
    """What a record's rule returns for the complete gradient, one entry per edge."""
    gradients = (arrived,)
    hidden = context._pg_hidden if create_graph else None
    if hidden is not None and not hasattr(context._pg_rule, "once_differentiable"):
        raise hidden_error(context, *hidden)
    if context._pg_outputs is not None:
        gradients = _materialized(context, arrived, create_graph)
    elif arrived is None and context._pg_materialize_grads:
        gradients = (_zeros(context, create_graph),)
    outer = running.recorded_rule
    running.recorded_rule = context if create_graph else None
    try:
        if context._pg_autocast and not _is_of_one_dtype(context, gradients):
            with _autocast(context._pg_autocast):
                result = context._pg_rule(_as_wide(context, gradients), *gradients)
        else:
            result = context._pg_rule(context, *gradients)
    finally:
        running.recorded_rule = outer
        if context._pg_saved.__class__ is PackedByCheckpoint:
            context.__dict__.pop("_pg_unpacked", None)
    if not isinstance(result, tuple | list):
        result = (result,)
    if len(result) != len(context._pg_edges) or context._pg_list_lengths is not None:
        return per_edge(context, result)
    return tuple(result)


def _is_of_one_dtype(context: Record, gradients: tuple[Any, ...]) -> bool:
    """Whether a built-in rule needs no cast and, as in torch, computes without autocast."""
    if not context._pg_is_builtin:
        return False
    tensors = [t for t in (*gradients, *(context._pg_saved or ())) if t is not None]
    if not all(isinstance(t, Tensor | Variable) for t in tensors):  # a hook has packed one
        return False
    return len({t.dtype for t in tensors if t.is_floating_point() or t.is_complex()}) == 1


def _as_wide(record: Record, gradients: tuple[Any, ...]) -> Any:
    """The record as the ``ctx`` of its rule, in whose forward autocast may have widened operands.

    torch saves them as they were widened, and its backward kernels want all of one dtype.
    """
    dtypes = [g.dtype for g in gradients if g is not None and g.dtype.is_floating_point]
    if not (record._pg_is_builtin and dtypes):
        return record
    return _Widened(record, min(dtypes, key=lambda dtype: dtype.itemsize))


class _Widened:
    """A record whose saved tensors are at least as wide as ``dtype``."""

    def __init__(self, record: Record, dtype: torch.dtype) -> None:
        self._record, self._dtype = record, dtype

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return tuple([self._widened(value) for value in self._record.saved_tensors])

    def _widened(self, value: Any) -> Any:
        if not isinstance(value, Tensor | Variable) or not value.is_floating_point():
            return value
        return value.to(self._dtype) if value.dtype.itemsize < self._dtype.itemsize else value


def called(record: Record, given: tuple[Any, ...]) -> Any:
    """What ``node(*gradients)`` gives: the rule's gradients, fitted to the inputs."""
    count = 1 if record._pg_outputs is None else len(record._pg_outputs)
    if len(given) != count:
        raise ArgumentError(
            f"expected {count} arguments, got {len(given)} instead",
            where=f"a call of {node_of(record)!r}",
            fix="pass one gradient for each output, None where there is none",
        )
    create_graph = torch.is_grad_enabled()
    held = [
        None if g is None else root_gradient(_place(record, i), g, create_graph, i)
        for i, g in enumerate(given)
    ]
    if isinstance(record, AccumulateGrad):
        if held[0] is not None:
            record.accumulate(held)
            call_post_accumulate(record.variable)
        return ()
    arrived = held if record._pg_outputs is not None else held[0]
    result: tuple[Any, ...] = (None,) * len(record._pg_edges)
    if any(g is not None for g in held):
        result = apply_rule(record, arrived, create_graph)
    found = [
        None if edge is None or g is None else shown(fit(record, g, edge, create_graph))
        for edge, g in zip(record._pg_edges, result, strict=True)
    ]
    edges = list(record._pg_edges)
    while len(edges) > 1 and edges[-1] is None:  # options, as a rule, and constants
        edges.pop()
    return found[0] if len(edges) == 1 else tuple(found[: len(edges)])


def _place(record: Record, number: int) -> Place:
    edge = edge_to(record, number)
    assert edge._pg_shape is not None  # it is one output's
    assert edge._pg_dtype is not None
    return Place(edge, edge._pg_shape, edge._pg_dtype, None)


def _autocast(state: tuple[tuple[str, torch.dtype], ...]) -> ExitStack:
    """The autocast modes that forward ran in."""
    stack = ExitStack()
    for device, dtype in state:
        stack.enter_context(torch.autocast(device, dtype=dtype))
    return stack


def shown(gradient: Any) -> Any:
    """A gradient as hooks see it: a Variable, or None."""
    return gradient if gradient is None or isinstance(gradient, Variable) else plain(gradient)


def _zeros(record: Record, create_graph: bool) -> Any:
    """The gradient of a single output that no gradient has arrived at."""
    assert record._pg_shape is not None
    made = torch.zeros(record._pg_shape, dtype=record._pg_dtype, device=device_of(record))
    return Variable(made) if create_graph else made


def _materialized(record: Record, gradients: list[Any], create_graph: bool) -> tuple[Any, ...]:
    """One gradient per output: zeros, or None if the op wants that, where none arrived."""
    if not record._pg_materialize_grads:
        return tuple(gradients)
    zeros: list[Any] = [
        None if meta is None or gradient is not None else meta.zeros()
        for gradient, meta in zip(gradients, record._pg_outputs or (), strict=True)
    ]
    if create_graph:
        zeros = [None if z is None else Variable(z) for z in zeros]
    return tuple([z if g is None else g for g, z in zip(gradients, zeros, strict=True)])
