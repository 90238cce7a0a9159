"""Where a clock can be put into every op, without a line of code in what a call runs.

A gate has its forward in a cell, an in-place twin has torch's own function in one, and a record's
class has its rule: all three can be exchanged for a while. Here is noted which of them there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from plugrad.core.when_used import making

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CellType


class Watcher(Protocol):
    """What is shown each gate and each class of records, also those that are made later."""

    def gate(self, gate: Callable[..., Any]) -> None:
        """See what calls an op: its ``apply``, its operator, or an in-place twin."""

    def record_type(self, kind: type) -> None:
        """See a class of records, which has a ``_pg_rule``."""


_gates: WeakSet[Any] = WeakSet()
_record_types: WeakSet[type] = WeakSet()
_watchers: list[Watcher] = []

#: The variables of a gate's closure in which it has another one.
_INNER = frozenset({"gate", "general", "twin", "unary"})


def note_gate(gate: Callable[..., Any]) -> None:
    """Note a gate that was made just now; one call for each op, not for each of its calls."""
    with making.lock:
        _gates.add(gate)
        for watcher in _watchers:
            watcher.gate(gate)


def note_record_type(kind: type) -> None:
    """Note a class of records that was made just now."""
    with making.lock:
        _record_types.add(kind)
        for watcher in _watchers:
            watcher.record_type(kind)


def watch(watcher: Watcher) -> None:
    """Show ``watcher`` all that there is, and what will be made, until ``unwatch``."""
    with making.lock:
        _watchers.append(watcher)
        for gate in list(_gates):
            watcher.gate(gate)
        for kind in list(_record_types):
            watcher.record_type(kind)


def unwatch(watcher: Watcher) -> None:
    """Show it no more."""
    with making.lock:
        _watchers.remove(watcher)


def cells(gate: Callable[..., Any], name: str) -> Iterator[CellType]:
    """The cells of the variable ``name`` in a gate and in the gates that it calls."""
    todo, seen = [gate], {id(gate)}
    while todo:
        function: Any = todo.pop()
        for variable, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            if variable == name:
                yield cell
            elif variable in _INNER:
                inner = cell.cell_contents
                if inner is not None and id(inner) not in seen:
                    seen.add(id(inner))
                    todo.append(inner)
