"""In-place changes: what becomes of the graph after one."""

from __future__ import annotations

from copy import copy
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.context import count_changes, transform_depth
from plugrad.core.node import (
    ManyRecord,
    Record,
    UnaryRecord,
    ends,
    next_sequence_number,
    stop_retaining,
)
from plugrad.core.replay import replay
from plugrad.core.variable import Variable, plain, recorded
from plugrad.core.views import check_inplace
from plugrad.errors import ContextError, InplaceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad.core.node import Edge
    from plugrad.core.views import View


class Constant(UnaryRecord):
    """The change of a Variable to a value without a gradient: zero for what it was before."""

    __slots__ = ()

    _pg_op_name = "constant"

    def __init__(self, edge: Edge | None, tensor: Tensor) -> None:
        self._pg_x = edge
        self._pg_kept, self._pg_origins, self.needs_input_grad = (), (), (True,)
        self._pg_shape, self._pg_dtype = tuple(tensor.shape), tensor.dtype
        self._pg_sequence_number = next_sequence_number()

    @staticmethod
    def _pg_rule(ctx: Any, gradient: Any) -> Any:
        if isinstance(gradient, Variable):  # not times 0, which is nan for what is not finite
            return plain(torch.zeros_like(gradient._data))
        return torch.zeros_like(gradient)


def rebase(x: Variable, edge: Edge, position: int) -> None:
    """Let gradients of ``x`` go along ``edge``, to the call that changed it in place.

    Args:
        x: the changed Variable; if it is a view, its base follows.
        edge: leads to the record of the change.
        position: which of the record's edges led to ``x`` as it was.
    """
    view = None if x._extra is None else x._extra.view
    retained = stop_retaining(x, x._edge if view is None else view.edge)
    if view is None:
        x._edge, x._requires_grad = edge, True
    else:
        base = view.base
        base_retained = stop_retaining(base, base._edge)
        base._edge = CopySlices(ends(edge)[0], position, view)
        base._requires_grad = True
        view.outdate()
        if base_retained:
            base.retain_grad()
    if retained:
        x.retain_grad()


class CopySlices(ManyRecord):
    """The in-place change of a view, seen from its base.

    The gradient of the old base is that of the new base, except in the view's place: there
    it is the gradient of what was there before. ``inner`` is the record of the change.
    """

    __slots__ = ("inner", "position", "steps", "whole")

    _pg_op_name = "copy_slices"

    def __init__(self, inner: Record, position: int, view: View) -> None:
        base = view.base
        data = base._data
        edges = list(inner._pg_edges)
        edges[position] = edge_of(base)
        # Not the view, which holds its base, which leads here: that would be a cycle.
        self.inner, self.position, self.steps = inner, position, view.steps()
        self.whole = (data.shape, data.stride(), data.dtype, data.device)
        self._pg_edges = tuple(edges)
        self._pg_kept, self._pg_origins = (), ()
        self.needs_input_grad = tuple([edge is not None for edge in edges])
        self._pg_shape, self._pg_dtype = tuple(data.shape), data.dtype
        self._pg_sequence_number = next_sequence_number()
        self._pg_special = True

    @staticmethod
    def _pg_rule(ctx: Any, gradient: Any) -> Any:
        from plugrad.core.cotangent import fit
        from plugrad.core.rule import apply_rule

        record = ctx._pg_narrowed_from or ctx
        create_graph = isinstance(gradient, Variable)
        whole = plain(_empty(ctx.whole))
        whole.copy_(gradient)
        place = replay(ctx.steps, whole)
        inner = copy(ctx.inner)
        inner._pg_output_variable = lambda tensor, _: _output_variable(record, tensor)
        arrived: Any = place.clone() if create_graph else place.clone()._data
        if inner._pg_outputs is not None:  # forward returned it in a tuple
            arrived = [arrived]
        result = apply_rule(inner, arrived, create_graph)
        found = [
            None if edge is None or g is None else fit(inner, g, edge, create_graph)
            for g, edge in zip(result, inner._pg_edges, strict=True)
        ]
        own = found[ctx.position]
        if own is None:
            place.zero_()
        else:
            place.copy_(own)
        found[ctx.position] = whole if create_graph else whole._data
        return tuple(found)

    def _pg_free(self) -> None:
        self.inner._pg_free()


def _empty(layout: tuple[Any, ...]) -> Tensor:
    shape, stride, dtype, device = layout
    if transform_depth():
        return _empty_batch(list(shape), list(stride), dtype, device)
    if 0 in stride:  # an expanded base has no room for a gradient
        return torch.empty(shape, dtype=dtype, device=device)
    return torch.empty_strided(shape, stride, dtype=dtype, device=device)


def _empty_batch(
    shape: list[int], stride: list[int], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """The same inside torch.vmap, with room for each sample: what is written may be batched."""
    functorch = torch._C._functorch
    vmaps = [
        (level.level(), functorch.CVmapInterpreterPtr(level).batchSize())
        for level in functorch.get_interpreter_stack() or ()
        if level.key() == functorch.TransformType.Vmap
    ]
    sizes = [size for _, size in vmaps]
    if 0 in stride:
        tensor = torch.empty(sizes + shape, dtype=dtype, device=device)
    else:
        step = 1 + sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
        outer = [step * prod(sizes[i + 1 :]) for i in range(len(sizes))]
        tensor = torch.empty_strided(sizes + shape, outer + stride, dtype=dtype, device=device)
    for number, _ in vmaps:
        tensor = functorch._add_batch_dim(tensor, 0, number)
    return tensor


def _output_variable(record: CopySlices, tensor: Tensor) -> Variable:
    """The view after the change, as a Variable with its new edge."""
    whole = recorded(_empty(record.whole), record)
    edge = edge_of(replay(record.steps, whole))
    return plain(tensor) if edge is None else recorded(tensor, edge)


def changed_in_place(
    record: Record, raw: Iterable[Any], operands: Iterable[Any], outputs: list[Any]
) -> dict[int, tuple[Variable, int]]:
    """The Variables, with their positions, that forward said it changed, by their tensors' ids.

    Raises:
        InplaceError: a Variable cannot be changed in a recorded call, or is not returned.
        ContextError: it was marked as not differentiable, too.
    """
    changed = {id(t) for t in record._pg_dirty}
    if not changed <= {id(t) for t in raw}:
        raise InplaceError(
            f"mark_dirty of {record._pg_op_name} received a tensor that was not an input.",
            where=f"forward of {record._pg_op_name}",
            fix="pass to ctx.mark_dirty the inputs that forward changed in place",
        )
    record.__dict__.pop("_pg_dirty", None)
    returned, constants = {id(t) for t in outputs}, {id(t) for t in record._pg_constants}
    found = {}
    for position, (tensor, variable) in enumerate(zip(raw, operands, strict=True)):
        if id(tensor) in changed and isinstance(variable, Variable):
            check_inplace(variable, record._pg_op_name)
            if len(outputs) > 1 and variable._is_view():
                raise InplaceError(
                    "if your Function modifies inplace an input that is a view of another Tensor, "
                    "your Function cannot return more than one Tensor",
                    where=f"forward of {record._pg_op_name}",
                    fix="return only the changed view, or give it a clone()",
                )
            if id(tensor) not in returned:
                raise InplaceError(
                    "Some elements marked as dirty during the forward method were not returned as "
                    "output. The inputs that are modified inplace must all be outputs",
                    where=f"forward of {record._pg_op_name}, input {position}",
                    fix="return it from forward",
                )
            if id(tensor) in constants and variable.requires_grad:
                raise ContextError(
                    "a tensor was marked as dirty and as not differentiable: it would keep the "
                    "gradient that it had before the change",
                    where=f"forward of {record._pg_op_name}",
                    fix="mark it as one of the two, or change a clone() of it",
                )
            found[id(tensor)] = (variable, position)
    if not record._pg_is_builtin:
        count_changes(record, [t for t in raw if id(t) in changed])
        numbers = {id(t): number for number, t in enumerate(outputs)}
        record._pg_changed = tuple([(p, numbers[key]) for key, (_, p) in found.items()])
    return found
