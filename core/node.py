"""Records, the vertices of the graph that backward walks, and the edges between them."""

from __future__ import annotations

from copy import copy
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, Union

import torch
from torch import Tensor

from plugrad.core.context import (
    ALTERED,
    UNKNOWN,
    Context,
    intermediate_error,
    refuse_later_torch_graph,
)
from plugrad.core.hooks import Arrival
from plugrad.core.replay import may_overlap
from plugrad.core.seams import note_record_type
from plugrad.core.variable import Variable, plain, recorded

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Collection, Sequence

    from plugrad.core.function import Function
    from plugrad.core.grad_fn import Node
    from plugrad.core.hooks import Hooks

#: Where a gradient goes next: the record that made a value, or one of its several outputs.
Edge: TypeAlias = Union["Record", "Output"]

#: Numbers records in the order of their making; one C call, so atomic under threads.
next_sequence_number: Callable[[], int] = count().__next__


class Record(Context):
    """A Context in a graph: one recorded call, whose edges lead to what made its inputs.

    Every op has its own subclass, named like the op's class and made by ``Function``.
    There is one edge for each parameter of forward (an argument that is a list of tensors has
    one for each element: see ``_pg_list_lengths``), None for a constant. ``_pg_shape`` and
    ``_pg_dtype`` are those of the output; None where there are several, which
    ``_pg_outputs`` describes. The engine's own names begin with ``_pg_``, so that an op's
    forward may set ``ctx.name``, ``ctx.shape`` or whatever it likes.
    """

    __slots__ = ("_pg_dtype", "_pg_sequence_number", "_pg_shape")

    #: The op that was called, and its backward.
    _pg_function: ClassVar[type[Function] | None] = None
    _pg_rule: ClassVar[Callable[..., Any]]
    #: What the engine may do to make a gradient fit its input: see Declaration.
    _pg_broadcasts: ClassVar[bool] = False
    _pg_promotes: ClassVar[bool] = False
    #: Whether the op is a built-in one, and whether its rule may run below torch's autograd,
    #: because it does not use it.
    _pg_is_builtin: ClassVar[bool] = False
    _pg_below_autograd: ClassVar[bool] = False
    #: Which arguments of a user's Function are not tensors, and so have no gradient.
    _pg_no_tensors: ClassVar[Sequence[int]] = ()
    #: Whether forward may set tensors as attributes, as a torch.autograd.Function's may.
    _pg_keeps_tensors: ClassVar[bool] = False

    _pg_edges: tuple[Edge | None, ...]
    _pg_sequence_number: int
    _pg_shape: tuple[int, ...] | None
    _pg_dtype: torch.dtype | None

    #: 1 if the only edge is in ``_pg_x``, 2 if there are two, in ``_pg_x`` and ``_pg_y``.
    _pg_arity: ClassVar[int] = 0

    # Rare, so kept in the instance's dict; ``_pg_special`` tells the walk to look for the others.
    _pg_special: bool = False
    _pg_outputs: tuple[OutputMeta | None, ...] | None = None
    #: What a jvp of a user's is held to: the tensors among the constants, by position; what was
    #: changed in place, as pairs of an edge's and an output's number; which outputs have no
    #: gradient, and which are views of an operand.
    _pg_constant_tensors: dict[int, OutputMeta] | None = None
    _pg_changed: tuple[tuple[int, int], ...] = ()
    _pg_constant_outputs: tuple[int, ...] = ()
    _pg_view_outputs: tuple[int, ...] = ()
    #: What jvp finds saved, if it is not what backward does: with its origins and version.
    _pg_saved_for_jvp: tuple[tuple[Any, ...], tuple[Any, ...], int] | None = None
    _pg_list_lengths: tuple[int | None, ...] | None = None
    _pg_arrivals: dict[int, Arrival] | None = None
    _pg_pre_hooks: Hooks | None = None
    _pg_post_hooks: Hooks | None = None
    _pg_autocast: tuple[Any, ...] = ()
    _pg_stack: str | None = None
    #: A tensor somewhere inside an attribute, and its name: see ``note_hidden``.
    _pg_hidden: tuple[str, Tensor] | None = None
    _pg_narrowed_from: Record | None = None
    #: Variables without an edge whose tensors are kept, by position: one may require grad later.
    _pg_constant_operands: dict[int, weakref.ref[Variable]] | None = None
    _pg_node: weakref.ref[Node] | None = None
    _pg_metadata: dict[Any, Any] | None = None
    #: Its only output, noted when somebody asks for its node.
    _pg_device: torch.device | None = None

    def __repr__(self) -> str:
        return f"<record of {self._pg_op_name}>"

    def _pg_as_variables(self, saved: tuple[Any, ...]) -> tuple[Any, ...]:
        """The saved values as Variables whose gradients go where the originals' would."""
        return tuple([self._pg_as_variable(i, t) for i, t in enumerate(saved)])

    def _pg_as_variable(self, index: int, saved: Any) -> Any:
        if not isinstance(saved, Tensor):
            return saved
        return self._pg_saved_variable(index, saved, self._pg_origins[index])

    def _pg_saved_variable(self, index: int, tensor: Tensor, origin: Any) -> Variable:
        if origin is None:
            return plain(tensor)
        if origin.__class__ is str:
            raise intermediate_error(self, index, tensor, origin)
        if origin < 0:
            return self._pg_output_variable(tensor, -1 - origin)
        edge = self._pg_edges[origin] or self._pg_edge_since(tensor, origin)
        if edge is None:
            return plain(tensor)
        leaf: Any = getattr(edge, "variable", None)
        if type(leaf).__dictoffset__ and leaf._data.is_set_to(tensor):
            return leaf  # type: ignore[no-any-return]  # a Parameter: a rule may use its attributes
        return recorded(tensor, edge)

    def _pg_edge_since(self, tensor: Tensor, position: int) -> Edge | None:
        """The edge of an operand that required grad only after the call; as in torch, its own."""
        others = self._pg_constant_operands
        if others is None:
            reference = getattr(self, "_pg_constant_operand", None)
        else:
            reference = others.get(position)
        operand = None if reference is None else reference()
        if operand is not None and operand.requires_grad and operand.is_leaf:
            from plugrad.core.accumulate_grad import edge_of  # which is built on records

            return edge_of(operand)
        if tensor.requires_grad:
            refuse_later_torch_graph(self, tensor)
        return None

    def _pg_output_variable(self, tensor: Tensor, number: int) -> Variable:
        """A saved output, with the edge to that output."""
        return recorded(tensor, edge_to(self._pg_narrowed_from or self, number))

    def _pg_free(self) -> None:
        """Let go of the saved tensors."""
        if self._pg_kept:
            self._pg_saved = None


class UnaryRecord(Record):
    """A record of an op with one parameter, whose edge has a slot and needs no tuple.

    Python's garbage collector visits each tuple of a live graph, again and again.
    """

    __slots__ = ("_pg_x",)

    _pg_arity = 1

    @property
    def _pg_edges(self) -> tuple[Edge | None, ...]:
        return (self._pg_x,)

    @_pg_edges.setter
    def _pg_edges(self, edges: tuple[Edge | None, ...]) -> None:
        (self._pg_x,) = edges


class BinaryRecord(Record):
    """The same for two parameters."""

    __slots__ = ("_pg_constant_operand", "_pg_x", "_pg_y")

    _pg_arity = 2

    #: What ``_pg_constant_operands`` are elsewhere: there is at most one here, if any, and a dict
    #: would be one more container in a live graph.
    _pg_constant_operand: weakref.ref[Variable]

    @property
    def _pg_edges(self) -> tuple[Edge | None, ...]:
        return self._pg_x, self._pg_y

    @_pg_edges.setter
    def _pg_edges(self, edges: tuple[Edge | None, ...]) -> None:
        self._pg_x, self._pg_y = edges


class ManyRecord(Record):
    """A record with any number of edges."""

    __slots__ = ("_pg_edges",)


class RecordTypes(dict[tuple[int, ...], type[Record]]):
    """A Function's classes of records, each made when needed.

    The key says which arguments are not tensors. Of a built-in op, whose rule has a gradient only
    for tensors, there is just one.
    """

    def __init__(self, usual: type[Record], several: bool) -> None:
        super().__init__({(): usual})
        self.usual, self.several = usual, several

    def __missing__(self, places: tuple[int, ...]) -> type[Record]:
        made = self.usual
        if self.several:
            own = {"__slots__": (), "_pg_no_tensors": places, "__module__": made.__module__}
            made = type(made.__name__, (made,), own)
            note_record_type(made)
        self[places] = made
        return made


class OutputMeta:
    """Shape, dtype and device of one of several outputs."""

    __slots__ = ("device", "dtype", "shape")

    def __init__(self, tensor: Tensor) -> None:
        self.shape, self.dtype, self.device = tuple(tensor.shape), tensor.dtype, tensor.device

    def zeros(self) -> Tensor:
        """The gradient of an output that nothing used."""
        return torch.zeros(self.shape, dtype=self.dtype, device=self.device)


class Output:
    """The edge to output ``number`` of a record that has several."""

    __slots__ = ("_pg_dtype", "_pg_shape", "number", "record")

    def __init__(self, record: Record, number: int) -> None:
        assert record._pg_outputs is not None
        meta = record._pg_outputs[number]
        assert meta is not None  # a gradient goes to tensors only
        self.record, self.number = record, number
        self._pg_shape, self._pg_dtype = meta.shape, meta.dtype


def edge_to(record: Record, number: int) -> Edge:
    """The edge to an output of ``record``."""
    return record if record._pg_outputs is None else Output(record, number)


def ends(edge: Edge) -> tuple[Record, int]:
    """The record that an edge leads to, and the number of its output."""
    return (edge.record, edge.number) if isinstance(edge, Output) else (edge, 0)


def arrival_at(edge: Edge) -> Arrival:
    """What happens to a complete gradient there, to be added to."""
    record, number = ends(edge)
    record._pg_special = True
    if record._pg_arrivals is None:
        record._pg_arrivals = {}
    return record._pg_arrivals.setdefault(number, Arrival())


def stop_retaining(x: Variable, edge: Edge | None) -> bool:
    """Whether ``x`` kept its gradient until now; from now on it does not."""
    if edge is None:
        return False
    record, number = ends(edge)
    arrival = (record._pg_arrivals or {}).get(number)
    if arrival is None or arrival.retained_by is None or arrival.retained_by() is not x:
        return False
    arrival.retained_by = None
    return True


def narrowed(record: Record, live: Collection[Record]) -> Record:
    """``record`` as a context whose ``needs_input_grad`` counts only edges to ``live``.

    A copy, since another thread may run the same record for other inputs.
    """
    edges = record._pg_edges
    flags = [edge is not None and ends(edge)[0] in live for edge in edges]
    if all(flag or edge is None for flag, edge in zip(flags, edges, strict=True)):
        return record
    context = copy(record)
    lengths = record._pg_list_lengths
    context.needs_input_grad = tuple(flags if lengths is None else grouped(flags, lengths))
    context._pg_narrowed_from = record._pg_narrowed_from or record
    return context


def grouped(
    flags: Sequence[bool], list_lengths: Sequence[int | None]
) -> list[bool | tuple[bool, ...]]:
    """Flags per edge as flags per argument: for a list of tensors a tuple, or False if none."""
    entries = iter(flags)
    grouped_flags: list[bool | tuple[bool, ...]] = []
    for length in list_lengths:
        own = tuple([next(entries) for _ in range(1 if length is None else length)])
        grouped_flags.append(own[0] if length is None else any(own) and own)
    return grouped_flags


def origins(
    saved: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    dirty: Collection[int] = (),
    constants: Sequence[Tensor] = (),
) -> tuple[Any, ...]:
    """Where each saved value is from. Inputs and outputs are distinct objects, all alive.

    Args:
        saved: what forward saved.
        inputs: one for each edge.
        outputs: what forward returned.
        dirty: the ids of inputs that are outputs now.
        constants: the tensors given to ``mark_non_differentiable``.
    """
    if not (dirty or constants):
        # There are few of both: looking at each is faster than making a dictionary.
        return tuple([_origin(t, inputs, outputs) for t in saved])
    known = dict(zip(map(id, inputs), count()))
    for number, t in enumerate(outputs):
        if isinstance(t, Tensor) and (id(t) not in known or id(t) in dirty):
            known[id(t)] = -1 - number
    constant_ids = {id(t) for t in constants} if constants else ()
    changed = [t for t in inputs if id(t) in dirty]
    found: list[Any] = []
    for t in saved:
        differentiable = isinstance(t, Tensor) and (t.is_floating_point() or t.is_complex())
        origin = known.get(id(t), UNKNOWN)
        constant = id(t) in constant_ids and not (isinstance(origin, int) and origin >= 0)
        if differentiable and isinstance(origin, int) and origin >= 0 and may_overlap(t, changed):
            origin = ALTERED
        found.append(origin if differentiable and not constant else None)
    return tuple(found)


def _origin(t: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> int | Any:
    if t is None or not isinstance(t, Tensor) or not (t.is_floating_point() or t.is_complex()):
        return None
    for number, x in enumerate(inputs):
        if x is t:
            return number
    for number, y in enumerate(outputs):
        if y is t:
            return -1 - number
    return UNKNOWN
