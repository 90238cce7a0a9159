"""Dual Variables: the tangents of one level of forward mode, and how a change of one is seen.

A tangent is computed when somebody asks for it, long after the call. So each call must find what
the tangents of its operands were at the time, even if the user has changed one in place since.
Only a tangent that the user has can change: one given to ``make_dual``, or one that
``unpack_dual`` returned. Its Variable is a ``Dual``, which looks whether its tangent has changed
whenever a call asks for its edge, and then gives the edge to a new record, which keeps a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, ref

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.context import running, whole
from plugrad.core.node import ends, next_sequence_number
from plugrad.core.replay import replay
from plugrad.core.variable import Variable, plain, recorded
from plugrad.core.views import SEVERAL, note_custom_view
from plugrad.errors import InplaceError
from plugrad.functional.levels import Entry, Level
from plugrad.functional.tangents import push

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.cotangent import Place
    from plugrad.core.node import Edge, Record


class DualLevel(Level):
    """The tangents of one level, which live as long as what they belong to."""

    def __init__(self) -> None:
        super().__init__("forward_ad")
        self.gives_variables = True
        self._entries = WeakKeyDictionary()
        #: The records whose tangents are known: a record itself keeps them.
        self._reached: WeakSet[Record] = WeakSet()
        #: By id, since a Variable compares its elements.
        self._duals: dict[int, ref[Variable]] = {}

    # --- what the user has ---
    def make(self, primal: Any, tangent: Any) -> Variable:
        """The value of ``primal``, of which ``tangent`` is the tangent from now on."""
        variable = primal if isinstance(primal, Variable) else None
        tracked = self.recording and variable is not None and variable.requires_grad
        edge = edge_of(variable) if tracked and variable is not None else None
        given = variable if variable is not None else Variable(primal)
        dual = plain(given._data.detach())
        tangent = tangent if isinstance(tangent, Variable) else Variable(tangent)
        held = Held(self, self._laid_out_like(dual._data, tangent), self.entry(edge, dual._data))
        held.primal = None if variable is None or not self.recording else ref(variable)
        held.made_at, held.tracked = _version(dual._data), tracked
        self._hold(dual, held)
        return dual

    def tangent_of(self, value: Variable) -> Variable | None:
        """The tangent of ``value``, which the user has from now on; None for zero."""
        if isinstance(value, Dual) and _held(value).level is self:
            return _held(value).tangent
        edge = edge_of(value)
        if edge is None:
            return None
        view = None if value._extra is None else value._extra.view
        if view is not None and view.reason in ("", SEVERAL):
            whole_tangent = self.tangent_of(view.base)
            if whole_tangent is not None:  # it is a view of it, as in torch
                with torch.set_grad_enabled(self.recording):
                    return replay(view.steps(), whole_tangent)
        pushed = self.pushed_to(edge)
        if pushed is None:
            return None
        tangent = self._laid_out_like(value._data, self.constant(pushed, copied=True))
        if type(value) is Variable and view is None and value._edge is not None:
            self._hold(value, Held(self, tangent, edge, _version(tangent._data)))
        return tangent

    def constant(self, value: Any, copied: bool = False) -> Variable:
        """``value`` without a tangent, but with its gradient if somebody could ask for it."""
        data = value._data if isinstance(value, Variable) else value
        # A detached view, not only detached: so it is known to share the memory of ``value``.
        data = data.clone() if copied else data.detach().view_as(data)
        if not (isinstance(value, Variable) and self.recording and self.depends_outside(value)):
            return plain(data)
        shown = recorded(data, self.entry(edge_of(value), data, [None]))
        if not copied:
            note_custom_view(Entry, (value,), shown)
        return shown

    def has_tangent(self, value: Any) -> bool:
        """Whether ``value`` is a dual of this level, or computed from one."""
        return isinstance(value, Variable) and self._has_tangent_at(edge_of(value))

    def _has_tangent_at(self, edge: Edge | None) -> bool:
        if edge is None:
            return False
        return any(t is not None for r in self._known_below(ends(edge)[0]) for t in self._known(r))

    # --- a backward inside the level ---
    def reaches(self, roots: Sequence[Place], cotangents: Sequence[Any]) -> bool:
        """Whether gradients of ``roots`` may have tangents."""
        return any(self._has_tangent_at(root.edge) for root in roots) or any(
            map(self.has_tangent, cotangents)
        )

    def with_tangent_only(self, gradient: Variable) -> Variable:
        """A gradient of a recorded backward with its tangent, but without its graph."""
        tangent, value = self.tangent_of(gradient), plain(gradient._data)
        return value if tangent is None else self.make(value, plain(tangent._data))

    # --- in the graph ---
    def entry(self, edge: Edge | None, data: Tensor, tangents: list[Any] | None = None) -> Record:
        """A record that leads on to ``edge``, with these tangents whatever is behind it."""
        record = Entry.record_type()
        record._pg_kept, record._pg_origins, record._pg_edges = (), (), (edge,)
        record.needs_input_grad = (edge is not None,)
        record._pg_shape, record._pg_dtype = tuple(data.shape), data.dtype
        record._pg_sequence_number = next_sequence_number()
        record._pg_device = data.device
        self._entries[record] = edge is not None and self.leads_outside(edge)
        vars(record)["_pg_open"] = self._open
        if tangents is not None:
            self._remember(record, tangents)
        return record

    def pushed_to(self, edge: Edge) -> Any:
        """The tangent at ``edge``; whoever asks again gets the same one."""
        known = self._known_below(ends(edge)[0])
        tangents = [t for record in known for t in self._known(record) if t is not None]
        if not tangents:
            return None
        outside = self.leads_outside(edge) or any(
            isinstance(t, Variable) and self.depends_outside(t) for t in tangents
        )
        rec = self.recording and (running.recorded_rule is not None or outside)
        sources = {(r, n): _as(t, rec) for r in known for n, t in enumerate(self._known(r))}
        return push([edge], sources, rec, self._remember)[0]

    def _remember(self, record: Record, tangents: Sequence[Any]) -> None:
        vars(record)["_pg_tangents"] = self, tangents
        self._reached.add(record)

    def _known(self, record: Record) -> Sequence[Any]:
        level, tangents = vars(record).get("_pg_tangents", (None, ()))
        return tangents if level is self else ()

    def _known_below(self, first: Record) -> list[Record]:
        """The first records on each way down whose tangents are known."""
        found, seen, stack = [], {first}, [first]
        while stack:
            record = stack.pop()
            if self._known(record):
                found.append(record)
                continue
            for edge in record._pg_edges:
                if edge is not None and ends(edge)[0] not in seen:
                    seen.add(ends(edge)[0])
                    stack.append(ends(edge)[0])
        return found

    # --- duals ---
    def _laid_out_like(self, data: Tensor, tangent: Variable) -> Variable:
        """``tangent`` itself if it has the strides of ``data``, as in torch; else a copy that has.

        A change in place of the one can then be written to the other.
        """
        raw = tangent._data
        if not (data.layout is raw.layout is torch.strided) or data.stride() == raw.stride():
            return tangent
        with torch.set_grad_enabled(self.recording):
            copy = plain(torch.empty_like(data))
            copy.copy_(tangent)
        return copy

    def _hold(self, dual: Variable, held: Held) -> None:
        key, duals = id(dual), self._duals
        duals[key] = ref(dual, lambda _: duals.pop(key, None))
        _EDGE.__set__(dual, held)
        _CLASS.__set__(dual, Dual)
        dual._requires_grad = True

    def end(self) -> None:
        """Forget all tangents; a dual of a constant no longer requires grad."""
        for reference in list(self._duals.values()):
            dual = reference()
            if isinstance(dual, Dual):
                held = _held(dual)
                edge = held.edge if self.leads_outside(held.edge) else None
                _CLASS.__set__(dual, Variable)
                dual._edge, dual._requires_grad = edge, edge is not None
        for record in list(self._reached):
            vars(record).pop("_pg_tangents", None)
        self.leave(None)


class Held:
    """The tangent of a Dual, and where its gradient goes as of one version of that tangent."""

    __slots__ = ("edge", "level", "made_at", "primal", "tangent", "tracked", "version")

    #: What ``make_dual`` was given, whose memory the Dual shares, at this version of it, if
    #: gradients are on outside; and whether one flows to it.
    primal: ref[Variable] | None
    made_at: int | None
    tracked: bool

    def __init__(
        self, level: DualLevel, tangent: Variable, edge: Edge, version: int | None = None
    ) -> None:
        self.level, self.tangent, self.edge, self.version = level, tangent, edge, version
        self.primal, self.made_at, self.tracked = None, None, False

    def current(self, dual: Variable) -> Edge:
        """Where its gradient goes: to a record that has the tangent as it is now."""
        primal = None if self.primal is None else self.primal()
        if primal is not None and primal.requires_grad and _version(primal._data) != self.made_at:
            raise InplaceError(
                "what make_dual was given requires grad and was changed in place afterwards: the "
                "dual shares its memory, but would not have its new gradient",
                where=f"a dual of shape {tuple(dual.shape)}",
                fix="give make_dual a clone() of it, or change it before make_dual",
            )
        version = _version(self.tangent._data)
        if version is None or version != self.version:
            copy = _copied(self.tangent, self.level.recording)
            self.edge = self._next_entry(dual._data, copy)
            self.version = version
        return self.edge

    def _next_entry(self, data: Tensor, tangent: Any) -> Edge:
        record, _ = ends(self.edge)
        if self.version is None and not self.level._known(record):  # that of make_dual
            self.level._remember(record, [tangent])
            return self.edge
        behind: Edge | None = self.edge
        while behind is not None and ends(behind)[0] in self.level._entries:
            (behind,) = ends(behind)[0]._pg_edges  # that was for another version
        return self.level.entry(behind, data, [tangent])

    def follow(self, edge: Edge) -> None:
        """Write what the tangent is after an in-place change, as torch does."""
        primal = None if self.primal is None else self.primal()
        if primal is not None and not self.tracked and self.level.leads_outside(edge):
            raise InplaceError(
                "a dual was changed in place by a value that requires grad: it shares memory with "
                "the Variable that make_dual was given, which would not have the gradient",
                where=f"a dual of shape {tuple(self.tangent.shape)}",
                fix="change a clone() of the dual",
            )
        pushed = self.level.pushed_to(edge)
        self.edge, old = edge, self.tangent
        with torch.set_grad_enabled(self.level.recording):
            if pushed is None:
                old.zero_()
            elif pushed.shape != old.shape or pushed.dtype is not old.dtype:
                self.tangent = self.level.constant(pushed, copied=True)
            elif old.requires_grad or isinstance(pushed, Variable):
                old.copy_(self.level.constant(pushed))
            else:
                old._data.copy_(pushed)
        self.version = _version(self.tangent._data)


class Dual(Variable):
    """A Variable whose tangent the user has, and may change; in its slot ``_edge`` is a Held."""

    __slots__ = ()

    _is_dual = True

    @property
    def _edge(self) -> Edge:
        return _held(self).current(self)

    @_edge.setter
    def _edge(self, edge: Edge | None) -> None:
        held = _held(self)
        if edge is not None:
            held.follow(edge)
            return
        _CLASS.__set__(self, Variable)  # detach_(): it has no tangent any more
        self._edge = None

    def _check_inplace(self, op_name: str) -> None:
        if _held(self).tracked:
            raise InplaceError(
                "a dual of a Variable that requires grad, or a view of such a dual, is being used "
                f"in an in-place operation, {op_name}: it shares memory with what make_dual was "
                "given, which would not have the gradient",
                where=f"a call of {op_name}",
                fix="change a clone() of the dual",
            )

    def _repr_of_graph(self) -> str:
        held = _held(self)
        outside = held.level.leads_outside(held.edge)
        return f"{super()._repr_of_graph() if outside else ''}, tangent={held.tangent!r}"


_EDGE: Any = vars(Variable)["_edge"]
#: A Variable's own ``__class__`` says Tensor to some.
_CLASS: Any = vars(object)["__class__"]


def _held(dual: Variable) -> Held:
    held: Held = _EDGE.__get__(dual)
    return held


def _version(tensor: Tensor) -> int | None:
    tensor = whole(tensor)
    return None if tensor.is_inference() else tensor._version


def _copied(tangent: Variable, recording: bool) -> Any:
    """A copy that nobody else has; it leads to where the original does."""
    if not tangent.requires_grad:
        return tangent._data.clone()
    with torch.set_grad_enabled(recording):
        return tangent.clone()


def _as(tangent: Any, recorded: bool) -> Any:
    if isinstance(tangent, Variable):
        return tangent if recorded else tangent._data
    return Variable(tangent) if recorded and tangent is not None else tangent
