"""Node: one recorded call of an op, a vertex of the graph that backward walks."""

from __future__ import annotations

from copy import copy
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Optional, TypeAlias

import torch
from torch import Tensor

from plugrad.core.context import Context
from plugrad.core.variable import Variable, recorded

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Collection, Sequence

    from plugrad.core.function import Function

#: Where a gradient goes next: a node and which of its outputs; None for a constant.
Edge: TypeAlias = Optional[tuple["Node", int]]  # noqa: UP045 (evaluated, on 3.10)

#: Numbers nodes in the order of their making; one C call, so atomic under threads.
next_sequence_number: Callable[[], int] = count().__next__


class OutputMeta:
    """Shape, dtype and device of one of several outputs."""

    __slots__ = ("_device", "_dtype", "_shape")

    def __init__(self, tensor: Tensor) -> None:
        self._shape, self._dtype, self._device = tensor.shape, tensor.dtype, tensor.device

    def zeros(self) -> Tensor:
        """The gradient of an output that nothing used."""
        return torch.zeros(self._shape, dtype=self._dtype, device=self._device)


class Node(Context):
    """A Context in a graph: its edges lead to the nodes that made its inputs.

    Every op has its own subclass, named like the op's class and made by ``Function``.
    ``_edges`` has one entry per positional argument of forward (an argument that is a
    list of tensors has one per element: see ``_list_lengths``). ``_shape`` and ``_dtype``
    are those of the output; None where there are several, which ``_outputs`` describes.
    All that is the engine's begins with an underscore, so that an op's forward may set
    ``ctx.shape``, ``ctx.rule`` or whatever it likes.
    """

    __slots__ = ("_dtype", "_edges", "_ids", "_sequence_number", "_shape")

    #: The op this node is a call of, and its backward.
    _function: ClassVar[type[Function] | None] = None
    _rule: ClassVar[Callable[..., Any]]
    _broadcasts: ClassVar[bool] = False

    _edges: tuple[Edge, ...]
    _sequence_number: int
    _shape: torch.Size | None
    _dtype: torch.dtype | None
    # ids of the input tensors, then of the outputs. A saved tensor is alive, and so were
    # all of these when it was saved, hence equal ids mean the same tensor, even later,
    # and no input is kept alive only to be recognised.
    _ids: tuple[int, ...]

    # Rare, so in the instance's dict:
    _outputs: tuple[OutputMeta | None, ...] | None = None
    _list_lengths: tuple[int | None, ...] | None = None
    _retained: dict[int, weakref.ref[Variable]] | None = None
    _narrowed_from: Node | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """Pairs of a node, None for a constant, and its output number: ``_edges``, as in torch."""
        return tuple((None, 0) if edge is None else edge for edge in self._edges)

    def name(self) -> str:
        """The name of the op's class, as in torch."""
        return type(self).__name__

    def narrowed(self, live: Collection[Node]) -> Node:
        """This node as a context whose ``needs_input_grad`` counts only edges to ``live``.

        A copy, since another thread may run the same node with other wishes.
        """
        flags = [edge is not None and edge[0] in live for edge in self._edges]
        needs = tuple(flags if self._list_lengths is None else grouped(flags, self._list_lengths))
        if needs == self.needs_input_grad:
            return self
        context = copy(self)
        context.needs_input_grad = needs
        context._narrowed_from = self
        return context

    def _saved_variables(self, saved: tuple[Any, ...]) -> tuple[Any, ...]:
        """The saved tensors as Variables whose gradients go where the originals' would."""
        return tuple(
            self._as_variable(i, t) if isinstance(t, Tensor) else t for i, t in enumerate(saved)
        )

    def _as_variable(self, index: int, tensor: Tensor) -> Variable:
        inputs = self._ids[: len(self._edges)]
        if id(tensor) in inputs:
            edge = self._edges[inputs.index(id(tensor))]
            return Variable(tensor) if edge is None else recorded(tensor, *edge)
        constant = not (tensor.is_floating_point() or tensor.is_complex())
        if constant or id(tensor) in self._constants:
            return Variable(tensor)
        outputs = self._ids[len(self._edges) :]
        if id(tensor) in outputs:
            return recorded(tensor, self._narrowed_from or self, outputs.index(id(tensor)))
        return self._raise_intermediate(index, tensor)


def grouped(
    flags: Sequence[bool], list_lengths: Sequence[int | None]
) -> list[bool | tuple[bool, ...]]:
    """Flags per edge as flags per argument: of a list of tensors a tuple, or False if none."""
    entries = iter(flags)
    grouped_flags: list[bool | tuple[bool, ...]] = []
    for length in list_lengths:
        own = tuple([next(entries) for _ in range(1 if length is None else length)])
        grouped_flags.append(own[0] if length is None else any(own) and own)
    return grouped_flags
