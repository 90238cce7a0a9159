"""Plain tensors into which a module's own code writes Variables: buffers, outputs, caches.

``out = torch.zeros(n); out[0] = x`` in a forward makes no Variable of ``out``, which is an object
of torch's. There torch's own graph says where the numbers of ``out`` come from: each Variable that
is written is a source in it (``source_of``). Where ``out``, or what torch computed of it, meets a
Variable again, that graph becomes one node of ours, with an edge to each source (``read_back``).
Where torch itself differentiates it, a loss that is a tensor, what arrives at the sources goes on
in our graph when torch's backward has ended.
"""

from __future__ import annotations

import sys
from threading import local
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary, WeakValueDictionary, ref

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.utils.weak import WeakIdKeyDictionary

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.adopted_leaf import adopted, any_adopted, tensor_of
from plugrad.core.context import running, transform_depth
from plugrad.core.node import ends
from plugrad.errors import OnceDifferentiableError, TorchGraphError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType, FrameType

    from plugrad.core.variable import Variable

#: What runs while a module is called.
_MODULE_CALL: CodeType = torch.nn.Module._call_impl.__code__
#: The modules whose functions transform a function, and call it.
_TRANSFORMS = ("plugrad.func.", "plugrad.functional.")
#: Whose code is between the caller and us.
_ENGINES = ("plugrad.", "torch.")
#: The folders that installed packages are in.
_INSTALLED = ("site-packages", "dist-packages")
_LEAF: Any = torch._C._functions.AccumulateGrad  # type: ignore[attr-defined]
#: What makes torch record a source: it asks for a gradient, and gets none.
_token = torch.empty(0, requires_grad=True)


def may_be_source() -> bool:
    """Whether a Variable may be written into a plain tensor: by others' code, and by no transform.

    A transform would take what is a tensor for a constant.
    """
    duals = running.dual_level is not None or forward_ad._current_level >= 0
    if duals or transform_depth() or not in_others_code():
        return False
    names = (frame.f_globals.get("__name__", "") for frame in _frames())
    return not any(name.startswith(_TRANSFORMS) for name in names)


def in_others_code() -> bool:
    """Whether a module is being called, or an installed package calls: code not of the user's."""
    return any(frame.f_code is _MODULE_CALL for frame in _frames()) or _a_package_calls()


def _a_package_calls() -> bool:
    for frame in _frames():
        if not f"{frame.f_globals.get('__name__')}.".startswith(_ENGINES):
            return any(folder in frame.f_code.co_filename for folder in _INSTALLED)
    return False


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def source_of(variable: Variable) -> Tensor:
    """The numbers of a Variable as a tensor that torch's graph knows; it shares their memory.

    torch is told which of its own tensors they depend on, for whose gradients it may be asked.
    """
    ports = _ports_below(variable)
    holder = SimpleNamespace(variable=variable, ports=list(ports.values()))
    return _Source.apply(_token, holder, *ports)  # type: ignore[no-any-return, no-untyped-call]


def _ports_below(variable: Variable) -> dict[Tensor, Variable]:
    """The tensors of torch's graph that a Variable was computed from, with what stands for them."""
    edge = edge_of(variable)
    if edge is None or not (_tensors_read or any_adopted()):
        return {}
    seen, waiting = set(), [ends(edge)[0]]
    found: dict[Tensor, Variable] = {}
    while waiting:
        record = waiting.pop()
        if record in seen:
            continue
        seen.add(record)
        tensor, stands_for_it = _port(record)
        if tensor is not None and stands_for_it is not None:
            found[tensor] = stands_for_it
        else:
            waiting += [ends(e)[0] for e in record._pg_edges if e is not None]
    return found


def _port(record: Any) -> tuple[Tensor | None, Variable | None]:
    leaf = getattr(record, "variable", None)
    if leaf is not None:
        return tensor_of(leaf), leaf
    tensor, variable = _tensors_read.get(record, (_nothing, _nothing))
    return tensor(), variable()


def _nothing() -> None: ...


#: What was read, by tensor: its version and its node then, and the Variable.
_read: Any = WeakIdKeyDictionary()
#: By the Variable's record, the tensor and the Variable, weakly.
_tensors_read: Any = WeakKeyDictionary()


def read_back(tensor: Tensor, with_leaves: bool = True) -> Variable | None:
    """The Variable for a tensor that torch computed from Variables that a module wrote.

    Or, ``with_leaves``, from its own leaves alone. It shares the tensor's memory, and is the same
    until the tensor is changed. None if the tensor's values come from neither.

    Raises:
        TorchGraphError: they come from Variables, and from parameters.
    """
    version, end = tensor._version, tensor.grad_fn
    known = _read.get(tensor)
    if known is not None and known[0] == version and known[1] is end:
        return known[2]  # type: ignore[no-any-return]
    starts: dict[Any, Variable] = {}
    others = written = False
    for node in nodes_of(tensor):
        leaf: Any
        if isinstance(node, _Source._backward_cls):
            starts[node], written = node.variable, True  # type: ignore[attr-defined]
        elif type(leaf := getattr(node, "variable", None)) is Tensor:
            starts[node] = adopted(leaf)
        else:
            others |= isinstance(node, _LEAF)
    if not (written or with_leaves) or (others and not written):
        return None
    if others:
        raise TorchGraphError(
            f"a torch tensor of shape {tuple(tensor.shape)} was computed from Variables, which a "
            "module wrote into it, and from parameters that are no Variables",
            where="where it meets Variables again",
            fix="put Variables in the place of the module's parameters, with "
            "plugrad.interop.convert(module)",
        )
    if not starts:
        return None
    from plugrad.core.read_back import ReadBack

    edges = [GradientEdge(node, 0) for node in starts]
    # torch 2.6 crashes if a backward starts at a Function written in Python.
    own = isinstance(end, torch.autograd.function.BackwardCFunction)
    last = tensor.view_as(tensor) if own else tensor
    graph = SimpleNamespace(y=tensor, end=get_gradient_edge(last), starts=edges)
    with torch.enable_grad():  # it may be a root of a backward in no_grad
        variable = ReadBack.apply(graph, *starts.values())
    _read[tensor] = (version, end, variable)
    edge = edge_of(variable)
    if edge is not None:
        _tensors_read[ends(edge)[0]] = ref(tensor), ref(variable)
    return variable  # type: ignore[no-any-return]


#: The tensors that models were given as arguments, with what they were given in their place.
_entered: Any = WeakIdKeyDictionary()


def entered(value: Any) -> Any:
    """What a model of Variables gets for an argument: a Variable if torch differentiates it."""
    if type(value) is not Tensor or not value.requires_grad:
        return value
    variable = adopted(value) if value.grad_fn is None else read_back(value)
    if variable is not None:
        _entered[value] = variable
    return value if variable is None else variable


def entered_as(tensor: Tensor) -> Variable | None:
    """What stands for a tensor whose gradient is asked for, if all uses of it go through that."""
    if tensor.grad_fn is None and tensor.requires_grad:
        return adopted(tensor)
    return _entered.get(tensor)  # type: ignore[no-any-return]


def nodes_of(tensor: Tensor) -> Iterator[Any]:
    """The nodes of torch's graph of a tensor, each once, as far as the sources."""
    seen, waiting = set(), [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            if not isinstance(node, _Source._backward_cls):
                waiting += [before for before, _ in node.next_functions]


class _Source(torch.autograd.Function):
    """A Variable in torch's graph, and the tensors of that graph that it depends on."""

    @staticmethod
    def forward(ctx: Any, token: Tensor, holder: SimpleNamespace, *ports: Tensor) -> Tensor:
        ctx.variable, ctx.ports = holder.variable, holder.ports
        return ctx.variable._data.detach()  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        if torch.is_grad_enabled():
            raise OnceDifferentiableError(
                "torch's backward with create_graph reached a Variable that a module wrote into a "
                "plain tensor; what torch records of it ends there",
                where=f"a Variable of shape {tuple(ctx.variable.shape)}",
                fix="leave out create_graph; or make the tensor a Variable where the module makes "
                "it: plugrad.Variable(tensor)",
            )
        if _is_asked_for_all():
            _Arrived.now().add(ctx.variable, gradient)
            return None, None, *[None] * len(ctx.ports)
        return None, None, *_gradients(ctx, gradient)


def _is_asked_for_all() -> bool:
    """Whether torch's backward, which runs now, is for all leaves, and not for those it names."""
    return torch._C._will_engine_execute_node(get_gradient_edge(_token).node)


def _gradients(ctx: Any, gradient: Tensor) -> list[Any]:
    """The gradients of those tensors that torch is asked for, or needs for them."""
    from plugrad.core.engine import run

    asked = [i for i, needed in enumerate(ctx.needs_input_grad[2:]) if needed]
    found: list[Any] = [None] * len(ctx.ports)
    if asked and not _reading.now:
        targets = [ctx.ports[i] for i in asked]
        gradients = run([ctx.variable], [gradient], True, False, targets, cut=True)
        for i, each in zip(asked, gradients, strict=True):
            found[i] = getattr(each, "_data", each)
    return found


class _Reading(local):
    """Whether the backward that runs now is one of ``ReadBack``, which goes on at the sources."""

    now = False


_reading = _Reading()


def gradients_of_starts(end: Any, starts: Sequence[Any], gradient: Tensor) -> tuple[Any, ...]:
    """What torch's graph gives the starts of what was read, and nothing beyond."""
    outer, _reading.now = _reading.now, True
    try:  # kept: the tensor may be read again, before and after more was written into it
        return torch.autograd.grad([end], starts, [gradient], retain_graph=True, allow_unused=True)
    finally:
        _reading.now = outer


class _Arrived:
    """What one backward of torch's brought to sources: one backward of ours when it has ended."""

    _running: ClassVar[WeakValueDictionary[int, _Arrived]] = WeakValueDictionary()

    def __init__(self, keep_graph: bool) -> None:
        self._keep_graph = keep_graph
        self._variables: list[Variable] = []
        self._gradients: list[Tensor] = []

    @classmethod
    def now(cls) -> _Arrived:
        """That of the backward which runs now."""
        task = torch._C._current_graph_task_id()
        running = cls._running.get(task)
        if running is None:
            keep = torch._C._autograd._get_current_graph_task_keep_graph()
            running = cls._running[task] = cls(keep)
            # torch has it until the backward has ended, or failed.
            torch.autograd.Variable._execution_engine.queue_callback(running.go_on)
        return running

    def add(self, variable: Variable, gradient: Tensor) -> None:
        """Note what arrived."""
        self._variables.append(variable)
        self._gradients.append(gradient)

    def go_on(self) -> None:
        """Differentiate what the sources were computed from."""
        from plugrad.core.engine import backward

        backward(self._variables, self._gradients, retain_graph=self._keep_graph)
