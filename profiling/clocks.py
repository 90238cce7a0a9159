"""Clocks in every op, put there when the first profile begins and taken out when the last one ends.

What a call runs is not touched: a gate's cell has another forward for a while, a record's class
another rule. So it makes no difference how a program reaches an op, or when it looked it up.
"""

from __future__ import annotations

import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core import engine, inplace, seams
from plugrad.core.deep import on_another_stack
from plugrad.core.walk import Walk
from plugrad.interop import adoption
from plugrad.interop.from_torch import _TorchCall, _Torchs
from plugrad.plugins.default import registry
from plugrad.plugins.instead import torch_name
from plugrad.profiling.spans import (
    BACKWARD,
    ENGINE,
    FORWARD,
    Listener,
    begin,
    end,
    go_on_with,
    listen,
    open_spans,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CellType

#: Classes of records that no op's class makes.
_ENGINES_OWN = (inplace.Constant, inplace.CopySlices)
_lock = threading.RLock()


class _Clocks:
    """What was exchanged, to be put back: a watcher of the seams while profiles run."""

    def __init__(self) -> None:
        self.running = 0
        self._cells: list[tuple[CellType, Any]] = []
        self._attributes: list[tuple[Any, str, Any]] = []

    def gate(self, gate: Callable[..., Any]) -> None:
        """Time the forward in the cells of a gate, or torch's own function in those of a twin."""
        for name in ("forward", "value"):  # which an Elementwise's gate calls by itself
            for cell in seams.cells(gate, name):
                self._time(cell, gate)
        for cell in seams.cells(gate, "native"):
            # Not where it is made of the op, which is counted by itself.
            if getattr(torch.Tensor, getattr(cell.cell_contents, "__name__", ""), None):
                self._time(cell, gate)

    def record_type(self, kind: Any) -> None:
        """Time the rule of a class of records."""
        rule = vars(kind).get("_pg_rule")
        if rule is not None and not hasattr(rule.__func__, "_pg_clock"):
            self._exchange(kind, "_pg_rule", staticmethod(_timed_rule(rule.__func__, kind)))

    def _time(self, cell: CellType, gate: Callable[..., Any]) -> None:
        forward = cell.cell_contents
        if not hasattr(forward, "_pg_clock"):
            self._cells.append((cell, forward))
            cell.cell_contents = _timed_forward(forward, _op_name(gate))

    def _exchange(self, owner: Any, name: str, new: Any) -> None:
        self._attributes.append((owner, name, vars(owner)[name]))
        setattr(owner, name, new)

    def start(self) -> None:
        """Put the clocks in."""
        seams.watch(self)
        for kind in _ENGINES_OWN:
            self.record_type(kind)
        self._exchange(Walk, "go", _timed_walk(Walk.go))
        self._exchange(engine, "on_another_stack", _carrying_spans(on_another_stack))
        self._exchange(adoption, "_call", _timed_adopted(adoption._call))
        if registry.fall_back is not None:
            self._exchange(registry, "fall_back", _timed_fall_back(registry.fall_back))
            registry._without_op.clear()  # they hold the function that was there

    def stop(self) -> None:
        """Take them out: all is as it was."""
        seams.unwatch(self)
        for cell, forward in self._cells:
            cell.cell_contents = forward
        for owner, name, old in self._attributes:
            setattr(owner, name, old)
        self._cells.clear()
        self._attributes.clear()
        registry._without_op.clear()


_clocks = _Clocks()


def run_clocks(listener: Listener) -> None:
    """Show the spans to ``listener`` until ``stop_clocks``."""
    with _lock:
        _clocks.running += 1
        if _clocks.running == 1:
            _clocks.start()
        listen(listener, on=True)


def stop_clocks(listener: Listener) -> None:
    """Show it no more spans."""
    with _lock:
        listen(listener, on=False)
        _clocks.running -= 1
        if _clocks.running == 0:
            _clocks.stop()


def _op_name(gate: Any) -> str:
    """The name of the op that a gate or a twin calls."""
    for cell in seams.cells(gate, "function"):
        return str(cell.cell_contents.signature.op_name)
    for cell in seams.cells(gate, "signature"):  # a Composite's
        return str(cell.cell_contents.op_name)
    return str(gate.__name__)


def _timed_forward(forward: Callable[..., Any], name: str) -> Callable[..., Any]:
    from_torch = forward is _Torchs.forward

    @wraps(forward)
    def timed(*args: Any, **options: Any) -> Any:
        own = _name_of_torchs(args) if from_torch else name
        given = (*args, *options.values())
        return _in_span(own, FORWARD, given, forward, args, options)

    timed._pg_clock = True  # type: ignore[attr-defined]
    return timed


def _timed_rule(rule: Callable[..., Any], kind: Any) -> Callable[..., Any]:
    name, from_torch = kind._pg_op_name, kind._pg_function is _Torchs

    @wraps(rule)
    def timed(ctx: Any, *gradients: Any) -> Any:
        own = _name_of_torchs((ctx, ctx.function)) if from_torch else name
        saved = ctx._pg_saved
        given = (*gradients, *saved) if saved.__class__ is tuple else gradients
        return _in_span(own, BACKWARD, given, rule, (ctx, *gradients), {})

    timed._pg_clock = True  # type: ignore[attr-defined]
    return timed


def _in_span(
    name: str,
    kind: str,
    given: tuple[Any, ...],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> Any:
    span = begin(name, kind, given)
    made = None
    try:
        made = function(*args, **options)
    except BaseException as error:
        span.raised = type(error).__name__
        raise
    finally:
        end(span, given, made)
    return made


def _timed_walk(go: Callable[..., None]) -> Callable[..., None]:
    @wraps(go)
    def timed(walk: Any, straight: bool = True) -> None:
        _in_span("backward", ENGINE, (), go, (walk, straight), {})

    return timed


def _carrying_spans(there: Callable[..., None]) -> Callable[..., None]:
    @wraps(there)
    def carrying(work: Callable[[], None], stop: Callable[[], None]) -> None:
        spans = list(open_spans())

        def inside() -> None:
            go_on_with(spans)
            work()

        there(inside, stop)

    return carrying


def _timed_adopted(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def timed(cls: Any, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = (*args, *kwargs.values())
        name = function.signature.op_name
        return _in_span(name, FORWARD, given, call, (cls, function, args, kwargs), {})

    return timed


def _timed_fall_back(fall_back: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(fall_back)
    def timed(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if getattr(function, "__name__", "") == "__get__":  # an attribute: nothing is computed
            return fall_back(function, *args, **kwargs)
        given = (*args, *kwargs.values())
        name = torch_name(function).replace("_VariableFunctionsClass.", "")  # where C's are from
        return _in_span(name, FORWARD, given, fall_back, (function, *args), kwargs)

    return timed


def _name_of_torchs(args: tuple[Any, ...]) -> str:
    """The function that an op of ``from_torch`` computes; one for all of them."""
    call = args[1] if len(args) > 1 else None
    return torch_name(call._function) if isinstance(call, _TorchCall) else "from_torch"
