"""Jacobians by rows and by columns: a standard basis, mapped over in one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.node import ends
from plugrad.core.variable import Variable
from plugrad.functional.batching import Batch
from plugrad.functional.tangents import push

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugrad.functional.levels import Level


def by_rows(
    level: Level,
    outputs: Sequence[Any],
    inputs: Sequence[Variable],
    chunk_size: int | None = None,
    create_graph: bool | None = None,
) -> list[list[Any]]:
    """The Jacobian of each output with respect to each input, by reverse mode.

    Args:
        level: the level that the inputs belong to.
        outputs: tensors have no gradient.
        inputs: Variables.
        chunk_size: how many rows at a time; 1 is a loop, without vmap.
        create_graph: by default, whether the caller could differentiate the Jacobian.
    """
    if create_graph is None:
        create_graph = level.is_recorded(outputs)

    if chunk_size == 1 and len(outputs) > 1:  # no row depends on the graph of another output
        return [by_rows(level, [o], inputs, 1, create_graph)[0] for o in outputs]

    def row(cotangents: list[Any]) -> list[Any]:
        return level.gradients(outputs, inputs, cotangents, create_graph)

    sizes = [o.numel() for o in outputs]
    found = map_basis(level.name, row, [_raw(o) for o in outputs], chunk_size)
    rows = [_or_zeros(g, sum(sizes), x) for g, x in zip(found, inputs, strict=True)]
    split = [torch.split(g, sizes) for g in rows]
    return [
        [split[i][o].reshape([*out.shape, *x.shape]) for i, x in enumerate(inputs)]
        for o, out in enumerate(outputs)
    ]


def by_columns(
    level: Level,
    outputs: Sequence[Any],
    inputs: Sequence[Variable],
    chunk_size: int | None = None,
    create_graph: bool | None = None,
) -> list[list[Any]]:
    """The same by forward mode: the dtype is that of the output."""
    if create_graph is None:
        create_graph = level.is_recorded(outputs)

    def column(tangents: list[Any]) -> list[Any]:
        return pushed(outputs, inputs, tangents, create_graph)

    sizes = [x.numel() for x in inputs]
    found = map_basis(level.name, column, [_raw(x) for x in inputs], chunk_size)
    columns = [_or_zeros(t, sum(sizes), o) for t, o in zip(found, outputs, strict=True)]
    jacobian = []
    for tangent, out in zip(columns, outputs, strict=True):
        parts = torch.split(tangent.movedim(0, -1), sizes, dim=-1)
        jacobian.append(
            [p.reshape([*out.shape, *x.shape]) for p, x in zip(parts, inputs, strict=True)]
        )
    return jacobian


def pushed(
    outputs: Sequence[Any], inputs: Sequence[Variable], tangents: Sequence[Any], recorded: bool
) -> list[Any]:
    """The tangents of ``outputs`` from those of ``inputs``; None where there is none."""
    edges = [edge_of(o) if isinstance(o, Variable) and o.requires_grad else None for o in outputs]
    sources: dict[Any, Any] = {}
    for x, tangent in zip(inputs, tangents, strict=True):
        edge = edge_of(x)
        assert edge is not None
        raw = tangent if isinstance(tangent, Variable) else Variable(tangent)
        sources[ends(edge)] = raw if recorded else raw._data
    return push(edges, sources, recorded)


def map_basis(
    name: str,
    function: Callable[[list[Any]], list[Any]],
    like: Sequence[Tensor],
    chunk_size: int | None,
) -> list[Any]:
    """``function`` of each vector of the standard basis of what ``like`` is, stacked."""
    total = sum(t.numel() for t in like)
    if not total:
        return [None] * len(function([torch.zeros_like(t) for t in like]))
    chunks = []
    for basis in _chunks(like, total, chunk_size):
        if len(basis[0]) == 1:
            results = function([b[0] for b in basis])
            chunks.append([None if r is None else r.unsqueeze(0) for r in results])
        else:
            batch = Batch(name.replace(".", "_"), "error")
            chunks.append(batch.call(function, basis, [0] * len(basis)))
    if len(chunks) == 1:
        return chunks[0]
    return [None if c[0] is None else torch.cat(c) for c in zip(*chunks, strict=True)]


def _chunks(like: Sequence[Tensor], total: int, size: int | None) -> Iterator[list[Tensor]]:
    for start in range(0, total, size or total):
        stop, offset, chunk = min(start + (size or total), total), 0, []
        for tensor in like:
            part = tensor.new_zeros(stop - start, tensor.numel())
            for row in range(max(start, offset), min(stop, offset + tensor.numel())):
                part[row - start, row - offset] = 1
            offset += tensor.numel()
            chunk.append(part.view(stop - start, *tensor.shape))
        yield chunk


def _or_zeros(found: Any, count: int, like: Any) -> Any:
    return _raw(like).new_zeros(count, *like.shape) if found is None else found


def _raw(value: Any) -> Any:
    return value._data if isinstance(value, Variable) else value
