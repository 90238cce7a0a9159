"""The walk of one backward, from its roots, newest record first.

Records are numbered as they are made, so a record is always newer than those that made its
inputs. A heap that gives the newest record first therefore runs a record only after all
records that use its output have run, when its gradient is complete. Nothing recurses.

A leaf is numbered when it is first used, so leaves come last. Only if one has hooks, which are to
see its gradient as soon as that is complete, what arrives at leaves is counted beforehand.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from plugrad.core.accumulate_grad import AccumulateGrad, added, call_post_accumulate
from plugrad.core.anomaly import refuse_nan, tell
from plugrad.core.context import running
from plugrad.core.cotangent import Place, fit, only_for_tensors, per_edge
from plugrad.core.data import some_sparse
from plugrad.core.hooked import HOOKED_LEAVES, LOCKS, OUTDATED
from plugrad.core.hooks import call, replaced, run_hooks
from plugrad.core.node import Output, ends, narrowed
from plugrad.core.rule import apply_rule, shown
from plugrad.core.ways import (
    arrivals_at_leaves,
    leading_to,
    records_at,
    records_below,
    refuse_outdated,
    wanted_places,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Set

    from plugrad.core.hooks import Arrival
    from plugrad.core.node import Edge, Record

_Gradient = Any  # a Tensor, or in create_graph a Variable
_BelowAutograd = torch._C._AutoDispatchBelowAutograd
_is_grad_enabled, _set_grad_enabled = torch.is_grad_enabled, torch._C._set_grad_enabled
_dispatch_modes = torch._C._len_torch_dispatch_stack
_function_modes = torch._C._len_torch_function_stack
_innermost_transform = torch._C._functorch.peek_interpreter_stack
#: Where leaves are in the heap whose gradient is complete: before every record, as in torch.
_FIRST = -(1 << 62)


class Walk:
    """The state of one backward: it belongs to one call, so threads need no locks."""

    # What few walks need: here are the defaults.
    #: What to call at its end: see ExecutionEngine.
    final_callbacks: list[Callable[[], Any]] | None = None
    #: With targets: (output number, position) of each, by record; the records a gradient must
    #: pass through to get there; and both kinds of records.
    targets: Sequence[Place] = ()
    wanted: dict[Record, list[tuple[int, int]]] | None = None
    through: Set[Record] = frozenset()
    live: Set[Record] = frozenset()
    #: Targets whose hooks are left to the walk that gets their gradients.
    passed_on: Set[Record] = frozenset()
    accumulates, completed = True, 0
    #: How many gradients, or Nones, will arrive at each leaf; None if nobody needs to know.
    coming: dict[Record, int] | None = None
    reached: Set[Record] | None = None

    def __init__(
        self,
        keep: bool,
        create_graph: bool,
        targets: Sequence[Place] | None,
        cut: bool = False,
    ) -> None:
        self.keep, self.create_graph = keep, create_graph
        #: Whether the walk ends at the targets, even if other targets are below.
        self.cut = cut
        self.heap: list[tuple[int, Record]] = []
        # What has arrived at a record so far: a gradient, or a list of one per output.
        self.pending: dict[Record, Any] = {}
        # Records whose pending gradient is a sum made here, so that nobody else sees it.
        self.owned: set[Record] = set()
        self.plain = not create_graph and _only_plain_torch()
        # Until a gradient comes from where others may see its memory, as through DLPack: from
        # the caller, from a hook, or from a rule that is not built in.
        self.sums_in_place = self.plain
        self.captured: list[_Gradient | None] = []  # the targets' gradients
        self.check_nan = torch.is_anomaly_enabled() and torch.is_anomaly_check_nan_enabled()
        if targets is not None:
            self.targets = targets
            self.captured = [None] * len(targets)
            self.wanted = wanted_places(targets)

    def reaches(self, record: Record) -> bool:
        """Whether this backward reaches ``record``."""
        if self.reached is None:
            self.reached = records_below(records_at(self.roots))
            if self.wanted is not None:
                self.reached &= self.live
        return record in self.reached

    def start(self, roots: Sequence[Place], gradients: Sequence[_Gradient]) -> None:
        """Put the cotangents of the roots where the walk begins."""
        self.roots = roots
        if self.wanted is not None:
            records = records_at(roots)
            self.through = leading_to(set(self.wanted), records, self.cut)
            if OUTDATED:
                refuse_outdated(self.targets, records_below(records))
            self.live = self.through | self.wanted.keys()
            if len(records) == 1:
                # Its hooks and retention run even if no target is below it. Of one of several,
                # as in torch, they do not: what arrives there from the others is left out.
                self.live |= set(records)
        if HOOKED_LEAVES.ever and HOOKED_LEAVES.are_there():
            below = records_below(records_at(roots)) if self.wanted is None else self.through
            self.coming = arrivals_at_leaves([root.edge for root in roots if root.edge], below)
        for root, gradient in zip(roots, gradients, strict=True):
            assert root.edge is not None  # root_gradient has refused it otherwise
            if self.wanted is None or ends(root.edge)[0] in self.live:
                self._add(root.edge, gradient)

    # In one piece: each call inside would cost 3 % of a record.
    def go(self, straight: bool = True) -> None:  # noqa: C901
        """Run every record, the newest first; if not ``straight``, each comes from the heap."""
        heap, pending, owned = self.heap, self.pending, self.owned
        keep, create_graph = self.keep, self.create_graph
        careful = self.check_nan
        # With targets, the records that only lead to one: the others capture, or end the walk.
        leading = None if self.wanted is None else self.through - self.wanted.keys()
        straight = straight and not careful and leading is None and self.coming is None
        # A record with a gradient that is newer than all in the heap need not enter it.
        upcoming: Any = None
        may_go_below = self.plain
        record: Any = None
        gradient: Any = None
        result: Any = None
        pairs: Any = None
        guard = None
        try:
            while heap or upcoming is not None:
                if upcoming is None:
                    record = heappop(heap)[1]
                else:
                    record, upcoming = upcoming, None
                if careful or record._pg_special or (leading is not None and record not in leading):
                    # So that nothing here holds what has arrived.
                    guard = gradient = result = pairs = None
                    result = self._run_carefully(record)
                    if _is_grad_enabled() is not create_graph:  # a hook or the rule changed it
                        _set_grad_enabled(create_graph)
                    if result is None:
                        continue
                elif record.__class__ is AccumulateGrad:
                    gradient = result = pairs = None  # so that the list holds the only reference
                    extra = record.variable._extra
                    if extra is not None and (extra.arrival is not None or extra.post_accumulate):
                        guard = None
                        self._run_carefully(record)
                        _set_grad_enabled(create_graph)  # a hook may have changed it
                    else:
                        record.accumulate([pending.pop(record)])
                    continue
                else:
                    gradient = pending.pop(record)
                    # Only rules that do not use torch's autograd run below it, and only on plain
                    # tensors: subclasses would see composite functions there.
                    if may_go_below and record._pg_below_autograd and gradient.__class__ is Tensor:
                        if guard is None:
                            guard = _BelowAutograd()
                    else:
                        guard = None
                        if create_graph:
                            running.recorded_rule = record
                    if not record._pg_is_builtin:
                        self.sums_in_place = False
                    context = record if leading is None else narrowed(record, self.live)
                    try:
                        result = record._pg_rule(context, gradient)
                    except RuntimeError:
                        # Some of torch's functions of sparse tensors do not work below autograd.
                        if guard is None or not some_sparse(gradient, *(record._pg_saved or ())):
                            raise
                        guard = None
                        result = record._pg_rule(context, gradient)
                    if guard is None and _is_grad_enabled() is not create_graph:
                        _set_grad_enabled(create_graph)  # the rule left another mode behind
                    if not keep and record._pg_kept:
                        in_slots = record._pg_kept.__class__ is int
                        record._pg_kept = None
                        if in_slots:
                            record._pg_first = record._pg_second = None
                arity = record._pg_arity
                if arity == 1 and result.__class__ is Tensor:
                    pairs = ((record._pg_x, result),)
                elif arity == 2 and result.__class__ is tuple and len(result) == 2:
                    pairs = ((record._pg_x, result[0]), (record._pg_y, result[1]))
                else:
                    if result.__class__ is not tuple and result.__class__ is not list:
                        result = (result,)
                    edges = record._pg_edges
                    if len(result) != len(edges):
                        result = per_edge(record, result)
                    pairs = zip(edges, result)  # noqa: B905 (equal, see above)
                for edge, gradient in pairs:
                    if gradient is None:
                        if edge is not None and self._arrives_nowhere(edge):
                            only_for_tensors(record, result)  # or it is the one that is missing
                            careful, straight = True, False
                            if upcoming is not None:
                                heappush(heap, (-upcoming._pg_sequence_number, upcoming))
                                upcoming = None
                    elif edge is not None:
                        if (
                            gradient.__class__ is not Tensor
                            or gradient.shape != edge._pg_shape
                            or gradient.dtype is not edge._pg_dtype
                        ):
                            gradient = fit(record, gradient, edge, create_graph)
                        if not straight or edge.__class__ is Output:
                            if upcoming is not None:
                                heappush(heap, (-upcoming._pg_sequence_number, upcoming))
                                upcoming = None
                            self._add(edge, gradient)
                        elif edge in pending:
                            if edge in owned:
                                pending[edge].add_(gradient)
                            else:
                                self._add_up(edge, gradient)
                        else:
                            pending[edge] = gradient
                            number = edge._pg_sequence_number
                            if upcoming is None and (not heap or number > -heap[0][0]):
                                upcoming = edge
                            elif upcoming is not None and number > upcoming._pg_sequence_number:
                                heappush(heap, (-upcoming._pg_sequence_number, upcoming))
                                upcoming = edge
                            else:
                                heappush(heap, (-number, edge))
        except Exception as error:
            guard = None
            tell(error, record)
            raise
        finally:
            guard = None  # the traceback of an error would keep it

    def go_deep(self) -> None:
        """The same in a thread of its own."""
        running.walk = self
        self.go(straight=False)  # so that to clear the heap ends it

    def _run_carefully(self, record: Record) -> Any:
        """Run a record that needs more than a call of its rule.

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
        if arrivals and record not in self.passed_on:
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
            return self._after_arrival(arrivals[0], arrived)
        for number, arrival in arrivals.items():
            arrived[number] = self._after_arrival(arrival, arrived[number])
        return arrived

    def _after_arrival(self, arrival: Arrival, gradient: _Gradient) -> _Gradient:
        if arrival.hooks:
            self.sums_in_place = False
            seen = run_hooks(arrival.hooks, shown(gradient))
            gradient = seen if self.create_graph or seen is None else seen._data
        variable = None if arrival.retained_by is None else arrival.retained_by()
        if variable is not None and gradient is not None:
            new = shown(gradient)
            with LOCKS.accumulating:  # two threads may arrive at the same time
                old = variable._grad
                variable._grad = new.clone() if old is None else old.add(new)
        return gradient

    def _accumulate(self, record: Any, held: list[Any]) -> None:
        if record._pg_pre_hooks:
            held[0] = self._pre_hooked(record, held[0])
        hooks = list((record._pg_post_hooks or {}).values())
        # Held here, the gradient would count as shared, and grad would be a copy of it.
        seen = shown(held[0]) if hooks and record.variable._grad is not None else None
        if held[0] is not None:
            record.accumulate(held)
        call_post_accumulate(record.variable)
        for registered in hooks:
            call(registered, (), (record.variable._grad if seen is None else seen,))

    def _apply(self, record: Record, arrived: Any) -> Any:
        """Run the rule of a record, between its hooks, in the modes that it must see."""
        context = record if self.wanted is None else narrowed(record, self.live)
        if not record._pg_is_builtin:
            self.sums_in_place = False
        if record._pg_pre_hooks:
            arrived = self._pre_hooked(record, arrived)
        # A user's rule, and only that, is given zeros for it: it may give more than nothing.
        if (record._pg_is_builtin or record._pg_function is None) and _is_nothing(arrived):
            result: tuple[Any, ...] = (None,) * len(record._pg_edges)
        else:
            result = apply_rule(context, arrived, self.create_graph)
        if record._pg_post_hooks:
            result = self._post_hooked(record, arrived, result)
        if self.check_nan:
            refuse_nan(record, result)
        return result

    def _pre_hooked(self, record: Record, arrived: Any) -> Any:
        self.sums_in_place = False
        single = record._pg_outputs is None
        gradients = tuple(map(shown, (arrived,) if single else arrived))
        for registered in list((record._pg_pre_hooks or {}).values()):
            gradients = replaced(registered, call(registered, gradients), gradients)
        found = [g if self.create_graph or g is None else g._data for g in gradients]
        return found[0] if single else found

    def _post_hooked(self, record: Record, arrived: Any, result: Any) -> Any:
        self.sums_in_place = False
        given = tuple(map(shown, (arrived,) if record._pg_outputs is None else arrived))
        found = [
            None if edge is None or g is None else fit(record, g, edge, self.create_graph)
            for g, edge in zip(result, record._pg_edges, strict=True)
        ]
        gradients = tuple(map(shown, found))
        for registered in list((record._pg_post_hooks or {}).values()):
            gradients = replaced(registered, call(registered, gradients, given), gradients)
        return tuple([g if self.create_graph or g is None else g._data for g in gradients])

    def _add(self, edge: Edge, gradient: _Gradient) -> None:
        """Add what arrived along ``edge`` to what is pending at its end."""
        pending, coming = self.pending, self.coming
        record, number = ends(edge)
        if record not in pending:
            if self.wanted is not None and record not in self.live:
                return
            if coming is None or record not in coming:
                heappush(self.heap, (-record._pg_sequence_number, record))
            pending[record] = None if edge is record else [None] * len(record._pg_outputs or ())
        if gradient is None:
            pass
        elif edge is not record:
            old = pending[record][number]
            pending[record][number] = gradient if old is None else old + gradient
        elif pending[record] is None:
            pending[record] = gradient
        elif record in self.owned:
            pending[record].add_(gradient)
        else:
            self._add_up(record, gradient)
        if coming is not None and record in coming:
            coming[record] -= 1
            if not coming[record]:
                self.completed += 1
                heappush(self.heap, (_FIRST + self.completed, record))

    def _add_up(self, record: Record, gradient: _Gradient) -> None:
        total = added([self.pending.pop(record)], gradient, self.sums_in_place)
        self.pending[record] = total
        if self.plain and total.layout is torch.strided:  # a sparse one takes nothing dense
            self.owned.add(record)

    def _arrives_nowhere(self, edge: Edge) -> bool:
        """Note that a rule gave None for an input that needs a gradient; False if it is not wanted.

        As in torch, the records below run all the same: hooks are given None, and the rules of
        users' Functions zeros.
        """
        if self.wanted is not None and ends(edge)[0] not in self.live:
            return False
        self._add(edge, None)
        return True

    def _ends_at(self, record: Record, arrived: Any) -> bool:
        """Capture the wanted gradients of ``record``; returns whether nothing below is wanted.

        If so, the record does not run, and keeps its saved tensors; unless backward's ``inputs``
        name its output, and it has hooks: then torch runs it, too.
        """
        assert self.wanted is not None
        named = self.wanted.get(record, ())
        for number, position in named:
            self.captured[position] = arrived if record._pg_outputs is None else arrived[number]
        if record in self.through:
            return False
        hooked = record._pg_pre_hooks or record._pg_post_hooks
        return not (named and self.accumulates and hooked)


def _is_nothing(arrived: Any) -> bool:
    """Whether a record was reached by nothing but None."""
    if isinstance(arrived, list):
        return all(gradient is None for gradient in arrived)
    return arrived is None


def _only_plain_torch() -> bool:
    """Whether no mode, transform of torch.func or forward mode looks at each call."""
    return (
        _dispatch_modes() == _function_modes() == 0
        and _innermost_transform() is None
        and forward_ad._current_level < 0
    )
