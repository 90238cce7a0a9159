"""The backward scheduler: walks the graph from its outputs and hands gradients on.

Records are numbered as they are made, so a record is always newer than those that made its
inputs. Hence a heap that gives the newest record first runs one only when all that use
its output have run, and its gradient is complete. Nothing recurses.
"""

from __future__ import annotations

from contextlib import ExitStack
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from plugrad.core.accumulate_grad import AccumulateGrad
from plugrad.core.context import PackedByCheckpoint, hidden_error, running
from plugrad.core.cotangent import Place, as_cotangents, as_places, fit, per_edge, root_gradient
from plugrad.core.deep import on_another_stack
from plugrad.core.hooks import call, note, replacement, run_hooks
from plugrad.core.node import Output, ends, narrowed, node_of
from plugrad.core.variable import Variable, plain
from plugrad.errors import (
    AnomalyError,
    BackwardError,
    HookError,
    NestedBackwardError,
    NoGraphError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.hooks import Arrival
    from plugrad.core.node import Edge, Record

_Gradient = Any  # a Tensor, or in create_graph a Variable
_BelowAutograd = torch._C._AutoDispatchBelowAutograd
_set_grad_enabled = torch._C._set_grad_enabled
_dispatch_modes = torch._C._len_torch_dispatch_stack
_innermost_transform = torch._C._functorch.peek_interpreter_stack
#: So many backwards may run inside one another on one stack.
_DEEP = 16


def backward(
    tensors: Variable | Sequence[Variable],
    grad_tensors: Variable | Tensor | Sequence[Variable | Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    *,
    inputs: Variable | Sequence[Variable] | None = None,
) -> None:
    """Add the gradients of ``tensors`` with respect to the leaves to their ``grad``.

    ``torch.autograd.backward`` on Variables.

    Args:
        tensors: the roots, one Variable or several; their gradients add up.
        grad_tensors: the cotangent of each root, of its shape and dtype; None for a root
            of one element, where it is 1.
        retain_graph: keep saved tensors for another backward; by default ``create_graph``.
        create_graph: record the backward itself, for derivatives of any order.
        inputs: only these get a gradient, leaves or not; by default every leaf.

    Raises:
        NoGraphError: a root does not require grad.
        NonScalarRootError: a root of more than one element has no cotangent.
        GradientShapeError, GradientDtypeError, GradientDeviceError, GradientTypeError: a
            cotangent, or what an op's backward returned, does not fit.
        GradientCountError: an op's backward returned a wrong number of gradients.
    """
    roots = as_places(tensors)
    cotangents = as_cotangents(grad_tensors, len(roots))
    if inputs is None:
        _run(roots, cotangents, retain_graph, create_graph)
        return
    targets = tuple(dict.fromkeys(as_places(inputs)))  # one given twice counts once
    if not targets:
        raise BackwardError(
            "`inputs` argument to `backward()` cannot be empty",
            fix="leave inputs out, or name a Variable",
        )
    for target in targets:
        if target.variable is not None and not target.variable.is_leaf:
            target.variable.retain_grad()
    _run(roots, cotangents, retain_graph, create_graph, targets, accumulate=True)


def run(
    roots: Sequence[Variable | Place],
    cotangents: Sequence[Variable | Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
    targets: Sequence[Variable | Place] | None = None,
) -> list[_Gradient | None]:
    """One backward. With ``targets`` their gradients are returned, and no leaf is touched.

    Raises:
        NestedBackwardError: it was called, without create_graph, by a rule whose own
            gradients are being recorded.
    """
    places = None if targets is None else as_places(targets)
    return _run(as_places(roots), cotangents, retain_graph, create_graph, places)


def _run(
    roots: Sequence[Place],
    cotangents: Sequence[Variable | Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
    targets: Sequence[Place] | None = None,
    accumulate: bool = False,
) -> list[_Gradient | None]:
    """The same; with ``accumulate``, too, those targets that are leaves get theirs in ``grad``."""
    outer = running.recorded_rule
    if outer is not None and not create_graph:
        _refuse_nested(outer._pg_op_name)
    keep = create_graph if retain_graph is None else retain_graph
    walk = _Walk(keep, create_graph, targets)
    walk.accumulates = targets is None or accumulate
    gradients = [
        root_gradient(place, cotangent, create_graph, i)
        for i, (place, cotangent) in enumerate(zip(roots, cotangents, strict=True))
    ]
    walk.start(roots, gradients)
    del gradients  # else the roots' own gradients would seem to be shared
    running.depth = depth = running.depth + 1
    around, running.walk = running.walk, walk
    grad_mode = torch.is_grad_enabled()
    try:
        # The rules record what they do on Variables exactly when create_graph is set.
        _set_grad_enabled(create_graph)  # the class of this name takes half a microsecond
        if depth % _DEEP:
            walk.go()
        else:
            on_another_stack(walk.go_deep, walk.heap.clear)
    finally:
        _set_grad_enabled(grad_mode)
        running.depth = depth - 1
        running.recorded_rule, running.walk = outer, around
    return walk.captured


def _refuse_nested(op_name: str) -> None:
    raise NestedBackwardError(
        f"the backward of {op_name} is being recorded (create_graph) and runs a backward of its "
        "own without create_graph: the second derivative would silently lose that part",
        where=f"backward of {op_name}, with create_graph=True",
        fix="call plugrad.grad(..., create_graph=True) there, on the Variables that ctx gives; or "
        "mark the rule with plugrad.once_differentiable, so that differentiating twice raises",
    )


class _Walk:
    """The state of one backward: it belongs to one call, so threads need no locks."""

    def __init__(self, keep: bool, create_graph: bool, targets: Sequence[Place] | None) -> None:
        self.keep, self.create_graph = keep, create_graph
        self.heap: list[tuple[int, Record]] = []
        # What has arrived at a record so far: a gradient, or a list of one per output.
        self.pending: dict[Record, Any] = {}
        # Records whose pending gradient is a sum made here, so that nobody else sees it.
        self.owned: set[Record] = set()
        # With targets: (output number, position) of each, by record; their gradients; the
        # records a gradient must pass through to get there; and both kinds of records.
        self.wanted: dict[Record, list[tuple[int, int]]] | None = None
        self.captured: list[_Gradient | None] = []
        self.through: set[Record] = set()
        self.live: set[Record] = set()
        self.accumulates = True
        self.roots: list[Record] = []
        self.reached: set[Record] | None = None
        self.check_nan = torch.is_anomaly_enabled() and torch.is_anomaly_check_nan_enabled()
        if targets is not None:
            self.captured = [None] * len(targets)
            self.wanted = _wanted(targets)

    def reaches(self, record: Record) -> bool:
        """Whether this backward gets to ``record``."""
        if self.wanted is not None:
            return record in self.live
        if self.reached is None:
            self.reached = _below(self.roots)
        return record in self.reached

    def start(self, roots: Sequence[Place], gradients: Sequence[_Gradient]) -> None:
        """Put the cotangents of the roots where the walk begins."""
        edges = [root.edge for root in roots if root.edge is not None]
        self.roots = [ends(edge)[0] for edge in edges]
        if self.wanted is not None:
            self.through = _leading_to(set(self.wanted), self.roots)
            self.live = self.through | set(self.wanted)
            # Hooks and retention of a root are due also where nothing wanted is below it.
            self.live |= set(self.roots)
        for edge, gradient in zip(edges, gradients, strict=True):
            self._add(edge, gradient)

    # In one piece, since each call inside would cost 3 % of a record.
    def go(self) -> None:  # noqa: C901
        """Run every record, the newest first."""
        heap, pending, keep, create_graph = self.heap, self.pending, self.keep, self.create_graph
        careful = self.wanted is not None or self.check_nan
        may_go_below = not create_graph and _only_plain_torch()
        record: Any = None
        gradient: Any = None
        result: Any = None
        guard = None
        try:
            while heap:
                record = heappop(heap)[1]
                if careful or record._pg_special:
                    guard = None
                    result = self._run_carefully(record)
                    if result is None:
                        continue
                elif record.__class__ is AccumulateGrad:
                    gradient = result = None  # so that the list holds the only reference
                    if record.variable._extra is not None and record.has_hooks():
                        guard = None
                        self._run_carefully(record)
                    else:
                        record.accumulate([pending.pop(record)])
                    continue
                else:
                    gradient = pending.pop(record)
                    # Only built-in rules run below torch's autograd, which they do not use, and
                    # only on plain tensors: subclasses would see composite functions there.
                    if may_go_below and record._pg_below_autograd and gradient.__class__ is Tensor:
                        if guard is None:
                            guard = _BelowAutograd()
                    else:
                        guard = None
                        if create_graph:
                            running.recorded_rule = record
                    result = record._pg_rule(record, gradient)
                    if not keep and record._pg_saved:
                        record._pg_saved = None
                if result.__class__ is not tuple and result.__class__ is not list:
                    result = (result,)
                edges = record._pg_edges
                if len(result) != len(edges):
                    result = per_edge(record, result)
                for edge, gradient in zip(edges, result):  # noqa: B905 (equal, see above)
                    if edge is not None and gradient is not None:
                        if (
                            gradient.__class__ is not Tensor
                            or gradient.shape != edge._pg_shape
                            or gradient.dtype is not edge._pg_dtype
                        ):
                            gradient = fit(record, gradient, edge, create_graph)
                        self._add(edge, gradient)
        except Exception as error:
            guard = None
            _add_notes(error, record)
            raise
        finally:
            guard = None  # the traceback of an error would keep it

    def go_deep(self) -> None:
        """The same in a thread of its own."""
        running.walk = self
        self.go()

    def _run_carefully(self, record: Record) -> Any:
        """Run a record for which more is to be done than to call its rule.

        What happens to a complete gradient is, in this order: hooks, retain, capture; and then
        it is accumulated, or the rule runs. Returns None where the walk ends.
        """
        running.recorded_rule = None  # hooks are no part of the last rule
        arrived = self.pending.pop(record)
        leaf = isinstance(record, AccumulateGrad)
        arrivals = record._pg_arrivals
        if leaf:
            extra = record.variable._extra
            arrivals = None if extra is None or extra.arrival is None else {0: extra.arrival}
        if arrivals:
            arrived = self._arrive(record, arrivals, [arrived])
        if leaf and self.accumulates:
            held = [arrived]
            del arrived  # so that the list holds the only reference
            self._accumulate(record, held)
            return None
        if self.wanted is not None and self._ends_at(record, arrived):
            return None
        result = self._apply(record, arrived)
        if not self.keep:
            record._pg_free()
        return result

    def _arrive(self, record: Record, arrivals: dict[int, Arrival], held: list[Any]) -> Any:
        arrived = held.pop()
        if record._pg_outputs is None:
            return self._after_arrival(arrivals[0], arrived) if 0 in arrivals else arrived
        for number, arrival in arrivals.items():
            if arrived[number] is not None:
                arrived[number] = self._after_arrival(arrival, arrived[number])
        return arrived

    def _after_arrival(self, arrival: Arrival, gradient: _Gradient) -> _Gradient:
        if arrival.hooks:
            seen = run_hooks(arrival.hooks, _shown(gradient))
            gradient = seen if self.create_graph else seen._data
        variable = None if arrival.retained_by is None else arrival.retained_by()
        if variable is not None:
            old, new = variable._grad, _shown(gradient)
            variable._grad = new.clone() if old is None else old.add(new)
        return gradient

    def _accumulate(self, record: Any, held: list[Any]) -> None:
        if record._pg_pre_hooks:
            held[0] = self._pre_hooked(record, held[0])
        hooks = list((record._pg_post_hooks or {}).values())
        # Held here, the gradient would count as shared, and grad would be a copy of it.
        seen = _shown(held[0]) if hooks and record.variable._grad is not None else None
        record.accumulate(held)
        for registered in hooks:
            call(registered, (), (record.variable._grad if seen is None else seen,))

    def _apply(self, record: Record, arrived: Any) -> Any:
        """Run the rule of a record, between its hooks, in the modes that it must see."""
        context = record if self.wanted is None else narrowed(record, self.live)
        if record._pg_pre_hooks:
            arrived = self._pre_hooked(record, arrived)
        result = apply_rule(context, arrived, self.create_graph)
        if record._pg_post_hooks:
            result = self._post_hooked(record, arrived, result)
        if self.check_nan:
            _refuse_nan(record, result)
        return result

    def _pre_hooked(self, record: Record, arrived: Any) -> Any:
        single = record._pg_outputs is None
        gradients = tuple(map(_shown, (arrived,) if single else arrived))
        for registered in list((record._pg_pre_hooks or {}).values()):
            gradients = _replaced(registered, call(registered, gradients), gradients)
        found = [g if self.create_graph or g is None else g._data for g in gradients]
        return found[0] if single else found

    def _post_hooked(self, record: Record, arrived: Any, result: Any) -> Any:
        given = tuple(map(_shown, (arrived,) if record._pg_outputs is None else arrived))
        found = [
            None if edge is None or g is None else fit(record, g, edge, self.create_graph)
            for g, edge in zip(result, record._pg_edges, strict=True)
        ]
        gradients = tuple(map(_shown, found))
        for registered in list((record._pg_post_hooks or {}).values()):
            gradients = _replaced(registered, call(registered, gradients, given), gradients)
        return tuple([g if self.create_graph or g is None else g._data for g in gradients])

    def _add(self, edge: Edge, gradient: _Gradient) -> None:
        """Add what arrived along ``edge`` to what is pending at its end."""
        pending = self.pending
        record, number = ends(edge) if edge.__class__ is Output else (cast("Record", edge), 0)
        if record not in pending:
            if self.wanted is not None and record not in self.live:
                return
            heappush(self.heap, (-record._pg_sequence_number, record))
            if edge is record:
                pending[record] = gradient
                return
            pending[record] = [None] * len(record._pg_outputs or ())
        if edge is not record:
            old = pending[record][number]
            pending[record][number] = gradient if old is None else old + gradient
        elif record in self.owned:
            pending[record].add_(gradient)
        else:
            pending[record] = pending[record] + gradient
            if not self.create_graph:
                self.owned.add(record)

    def _ends_at(self, record: Record, arrived: Any) -> bool:
        """Capture what is wanted of ``record``; returns whether nothing beyond it is wanted.

        Such a record does not run, and so keeps its saved tensors.
        """
        assert self.wanted is not None
        for number, position in self.wanted.get(record, ()):
            self.captured[position] = arrived if record._pg_outputs is None else arrived[number]
        return record not in self.through


def apply_rule(context: Record, arrived: Any, create_graph: bool) -> tuple[Any, ...]:
    """What the rule of a record makes of the complete gradient, one entry per edge."""
    gradients = (arrived,)
    hidden = context._pg_hidden if create_graph else None
    if hidden is not None and not hasattr(context._pg_rule, "once_differentiable"):
        raise hidden_error(context, *hidden)
    if context._pg_outputs is not None:
        gradients = _materialized(context, arrived, create_graph)
    outer = running.recorded_rule
    running.recorded_rule = context if create_graph else None
    try:
        if context._pg_autocast:
            with _autocast(context._pg_autocast):
                result = context._pg_rule(context, *gradients)
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


def _autocast(state: tuple[tuple[str, torch.dtype], ...]) -> ExitStack:
    """The autocast modes that forward ran in."""
    stack = ExitStack()
    for device, dtype in state:
        stack.enter_context(torch.autocast(device, dtype=dtype))
    return stack


def _only_plain_torch() -> bool:
    """Whether no dispatch mode, transform of torch.func or forward mode looks at each call."""
    return (
        _dispatch_modes() == 0 and _innermost_transform() is None and forward_ad._current_level < 0
    )


def _shown(gradient: Any) -> Any:
    """A gradient as hooks see it: a Variable, or None."""
    return gradient if gradient is None or isinstance(gradient, Variable) else plain(gradient)


def _replaced(registered: Any, result: Any, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a hook of a node made of ``gradients``."""
    if result is None:
        return gradients
    given = (result,) if isinstance(result, Tensor | Variable) else tuple(result)
    if len(given) != len(gradients):
        raise HookError(
            f"hook {registered.name!r} has returned an incorrect number of values (got "
            f"{len(given)}, but expected {len(gradients)})",
            where=f"the hook registered at {registered.place}",
            fix="return None, or one gradient (or None) for each that the hook was given",
        )
    return tuple(
        [
            new if new is None or old is None else replacement(registered, new, old)
            for new, old in zip(given, gradients, strict=True)
        ]
    )


def _add_notes(error: BaseException, record: Record | None) -> None:
    """Say in whose backward an error was raised, and where its forward was called if known."""
    if record is None:
        return
    note(error, f"raised in the backward of {record._pg_op_name}, {node_of(record)!r}")
    if record._pg_stack:
        note(error, f"whose forward was called here:\n{record._pg_stack}")
    elif not isinstance(error, BackwardError):
        note(error, "plugrad.detect_anomaly() around forward and backward shows who called it")


def _refuse_nan(record: Record, result: tuple[Any, ...]) -> None:
    for index, gradient in enumerate(result):
        raw = gradient._data if isinstance(gradient, Variable) else gradient
        if isinstance(raw, Tensor) and bool(raw.isnan().any()):
            ending = {1: "st", 2: "nd", 3: "rd"}.get(index, "th")
            raise AnomalyError(
                f"Function {node_of(record).name()!r} returned nan values in its {index}{ending} "
                "output.",
                where=f"backward of {record._pg_op_name}, in anomaly mode",
                fix="look at the values that its forward was given, in the call shown below; "
                "detect_anomaly(check_nan=False) lets nan pass",
            )


def _wanted(targets: Sequence[Place]) -> dict[Record, list[tuple[int, int]]]:
    wanted: dict[Record, list[tuple[int, int]]] = {}
    for position, target in enumerate(targets):
        if target.edge is None:
            raise NoGraphError(
                f"input {position} does not require grad",
                where=f"a Variable of shape {tuple(target.shape)}",
                fix="make it with requires_grad=True before the outputs are computed",
            )
        record, number = ends(target.edge)
        wanted.setdefault(record, []).append((number, position))
    return wanted


def _leading_to(wanted: set[Record], roots: list[Record]) -> set[Record]:
    """The records below ``roots`` from which a wanted one can be reached by an edge.

    Sorted by age, every record comes after those its edges lead to.
    """
    through: set[Record] = set()
    for record in sorted(_below(roots), key=lambda r: r._pg_sequence_number):
        below = [ends(edge)[0] for edge in record._pg_edges if edge is not None]
        if any(r in wanted or r in through for r in below):
            through.add(record)
    return through


def _below(roots: list[Record]) -> set[Record]:
    """The records that edges lead to from ``roots``, which are among them."""
    seen, stack = set(roots), list(roots)
    while stack:
        for edge in stack.pop()._pg_edges:
            if edge is not None:
                record = ends(edge)[0]
                if record not in seen:
                    seen.add(record)
                    stack.append(record)
    return seen


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
