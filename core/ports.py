"""Ports: the tensors of torch's graph that a Variable was computed from, where ours goes on in it.

A port is a leaf of torch's for which a Variable stands, or what was read from a plain tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.adopted_leaf import any_adopted, tensor_of
from plugrad.core.node import ends

if TYPE_CHECKING:
    from plugrad.core.node import Edge
    from plugrad.core.variable import Variable

#: By the Variable's record, what ``Port`` gave for the tensor.
ports_read: Any = WeakKeyDictionary()


class Port(torch.autograd.Function):
    """What was read, as it was: the tensor has another place in torch's graph when it is changed.

    So has a view, also when another part of its base is changed.
    """

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        if tensor.layout is not torch.strided:
            return tensor.detach()
        return tensor.new_empty(()).expand(tensor.shape)  # which does not keep its memory

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def ports_below(variable: Variable) -> dict[Tensor, Any]:
    """The tensors of torch's graph that a Variable was computed from, with what stands for them.

    That is a leaf, or the place in our graph of what was read.
    """
    start = edge_of(variable)
    if start is None or not (ports_read or any_adopted()):
        return {}
    seen, waiting = set(), [start]
    found: dict[Tensor, Any] = {}
    while waiting:
        edge = waiting.pop()
        record = ends(edge)[0]
        if record in seen:
            continue
        seen.add(record)
        tensor, stands_for_it = _port(edge, record)
        if tensor is not None:
            found[tensor] = stands_for_it
        else:
            waiting += [e for e in record._pg_edges if e is not None]
    return found


def _port(edge: Edge, record: Any) -> tuple[Tensor | None, Any]:
    from plugrad.core.cotangent import Place

    leaf = getattr(record, "variable", None)
    if leaf is not None:
        return tensor_of(leaf), leaf
    port = ports_read.get(record)
    return port, None if port is None else Place(edge, port.shape, port.dtype, None)


def is_for_torch(port: Any) -> bool:
    """Whether a backward for all leaves goes on there at once.

    That is at what was read, since torch frees its graph, and at a leaf whose hooks torch will run.
    The other leaves get their gradients when it has ended, from all sources together.
    """
    read = hasattr(port, "edge")
    return read or bool(getattr(tensor_of(port), "_backward_hooks", None))


def place_id(port: Any) -> int:
    """The id of the record or leaf that a port is."""
    return id(ends(port.edge)[0]) if hasattr(port, "edge") else id(port)
