"""Graph: the steps of a backward from some outputs, in the order in which the engine runs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import AccumulateGrad
from plugrad.core.context import Packed
from plugrad.core.graph import get_gradient_edge
from plugrad.core.node import ends
from plugrad.drawing.step import input_names, step_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.core.node import Record
    from plugrad.core.variable import Variable
    from plugrad.drawing.flow import Flows
    from plugrad.drawing.folds import Fold
    from plugrad.drawing.step import Step


@dataclass
class Graph:
    """What a Drawing shows: plain data."""

    steps: list[Step]
    #: Name, index of the step and number of its output, for each output that was given.
    outputs: list[tuple[str, int, int]]
    #: The bytes that saved tensors keep alive, shared memory counted once, that of leaves not.
    saved_bytes: int
    folds: list[Fold] = field(default_factory=list)
    #: For each step the index of the innermost fold it is in; -1 if none.
    fold_of: list[int] = field(default_factory=list)
    #: Whether a backward was watched.
    watched: bool = False

    def watch(self, flows: Flows) -> None:
        """Note what flowed; steps that no gradient got to lose their numbers."""
        self.watched = True
        number = 0
        for i, step in enumerate(self.steps):
            step.flow = flows.get(i, [])
            number += bool(step.flow)
            step.number = number if step.flow else None


def records_below(outputs: Mapping[str, Variable]) -> tuple[list[Record], list[tuple[str, Any]]]:
    """All records below the outputs, in the order in which backward runs them; the outputs' edges.

    A record is newer than those its edges lead to, so the engine, which runs the newest of those
    that have a gradient, runs them from the newest to the oldest.
    """
    edges: list[tuple[str, Any]] = [(name, get_gradient_edge(v)) for name, v in outputs.items()]
    roots = [(name, (edge.node._record, edge.output_nr)) for name, edge in edges]
    seen: set[Record] = {record for _, (record, _) in roots}
    stack = list(seen)
    while stack:
        for edge in stack.pop()._pg_edges:
            record = None if edge is None else ends(edge)[0]
            if record is not None and record not in seen:
                seen.add(record)
                stack.append(record)
    return sorted(seen, key=lambda record: -record._pg_sequence_number), roots


def graph_of(
    records: list[Record], roots: list[tuple[str, Any]], names: Mapping[int, str]
) -> Graph:
    """The steps of ``records`` with their edges, numbered as they run.

    Args:
        records: in the order in which backward runs them.
        roots: for each output its name, its record, and its number there.
        names: the names of leaves, by the ids of their records.
    """
    index = {record: i for i, record in enumerate(records)}
    steps: list[Step] = []
    for i, record in enumerate(records):
        step = step_of(record)
        step.number, step.name = i + 1, names.get(id(record), "")
        for edge, name in zip(record._pg_edges, input_names(record), strict=True):
            if edge is not None:
                below, number = ends(edge)
                step.edges.append((index[below], number, name))
        steps.append(step)
    outputs = [(name, index[record], number) for name, (record, number) in roots]
    return Graph(steps, outputs, _held(records))


def _held(records: list[Record]) -> int:
    memory: dict[int, int] = {}
    for record in records:
        saved = record._pg_saved or ()
        values = [v for _, v in saved] if isinstance(saved, Packed) else saved
        memory.update(part for v in values if isinstance(v, Tensor) for part in _memory(v))
    for record in records:
        if isinstance(record, AccumulateGrad):
            for key, _ in _memory(record.variable._data):
                memory.pop(key, None)
    return sum(memory.values())


def _memory(tensor: Tensor) -> list[tuple[int, int]]:
    """The storages of a tensor, each with its bytes."""
    try:
        if tensor.layout is torch.sparse_coo:
            return [*_memory(tensor._indices()), *_memory(tensor._values())]
        storage = tensor.untyped_storage()
        return [(storage._cdata, storage.nbytes())]
    except (RuntimeError, NotImplementedError):  # a layout or a subclass without a storage
        return []
