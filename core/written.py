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
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.utils.weak import WeakIdKeyDictionary

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.adopted_leaf import adopted, is_adopted
from plugrad.core.context import running, transform_depth
from plugrad.core.node import ends
from plugrad.core.ports import Port, is_for_torch, place_id, ports_below, ports_read
from plugrad.core.tensor_hooks import hooks_of, left_out, run_by, torch_goes_on
from plugrad.errors import OnceDifferentiableError, TorchGraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
    ports = ports_below(variable)
    holder = SimpleNamespace(variable=_as_it_is(variable), ports=list(ports.values()))
    return _Source.apply(_token, holder, *ports)  # type: ignore[no-any-return, no-untyped-call]


def _as_it_is(variable: Variable) -> Variable:
    """A Variable that is where this one is in the graph, also when this one is changed."""
    from plugrad.core.variable import plain, recorded

    edge = edge_of(variable)
    if edge is None:
        return plain(variable._data)
    return variable if variable.is_leaf else recorded(variable._data, edge)


#: What was read, by tensor: its version and its node then, and the Variable.
_read: Any = WeakIdKeyDictionary()


def read_back(tensor: Tensor, accepts: Callable[[Tensor], bool]) -> Variable | None:
    """The Variable for a tensor that torch computed from Variables that a module wrote.

    Or from its own leaves that it ``accepts``. It shares the tensor's memory, and is the same
    until the tensor is changed. None if the tensor's values come from neither.

    Raises:
        TorchGraphError: they come from Variables, and from parameters.
    """
    version = tensor._version
    known = _read.get(tensor)
    if known is not None and known[0] == version and known[1] is tensor.grad_fn:
        return known[2]  # type: ignore[no-any-return]
    starts = _starts(tensor, accepts)
    if not starts:
        return None
    from plugrad.core.read_back import ReadBack

    leaves = [node.variable for node in starts if isinstance(node, _LEAF)]
    hooks = [hooks_of(t) for t in (tensor, *leaves)]
    edges = [GradientEdge(node, 0) for node in starts]
    with torch.enable_grad():  # it may be a root of a backward in no_grad
        port = Port.apply(tensor)  # type: ignore[no-untyped-call]
        end = get_gradient_edge(port)  # ``left_out`` starts behind the tensor's hooks
        graph = SimpleNamespace(y=tensor, end=end, starts=edges, hooks=hooks)
        variable = ReadBack.apply(graph, *starts.values())
    _read[tensor] = (version, tensor.grad_fn, variable)
    edge = edge_of(variable)
    if edge is not None:  # else all that was written are constants
        record = ends(edge)[0]
        ports_read[record] = port
        run_by(variable, hooks[0], id(record))
    return variable  # type: ignore[no-any-return]


def _starts(tensor: Tensor, accepts: Callable[[Tensor], bool]) -> dict[Any, Variable]:
    """The sources and the leaves of a tensor, by their nodes; none if a leaf is not accepted."""
    found: dict[Any, Variable] = {}
    leaves: dict[Any, Tensor] = {}
    for node in nodes_of(tensor):
        if isinstance(node, _Source._backward_cls):
            found[node] = node.variable  # type: ignore[attr-defined]
        elif isinstance(node, _LEAF):
            leaves[node] = node.variable
    refused = [leaf for leaf in leaves.values() if not accepts(leaf)]
    if found and not all(map(is_input, refused)):
        raise TorchGraphError(
            f"a torch tensor of shape {tuple(tensor.shape)} was computed from Variables, which a "
            "module wrote into it, and from parameters that are no Variables",
            where="where it meets Variables again",
            fix="put Variables in the place of the module's parameters, with "
            "plugrad.interop.convert(module)",
        )
    if refused and not found:
        return {}
    return found | {node: adopted(leaf) for node, leaf in leaves.items()}


def is_input(leaf: Tensor) -> bool:
    """Whether a leaf of torch's is a plain tensor: not a parameter, nor of another subclass."""
    return type(leaf) is Tensor


def standing_for(tensor: Tensor, accepts: Callable[[Tensor], bool]) -> Variable | None:
    """The Variable for a tensor that torch differentiates: a leaf's, or what ``read_back`` gives.

    None if it does not accept the leaf, or there is nothing to read back.

    Raises:
        TorchGraphError: as for ``read_back``.
    """
    if tensor.grad_fn is not None:
        return read_back(tensor, accepts)
    return adopted(tensor) if accepts(tensor) else None


def recorded_again(gradient: Tensor) -> Any:
    """A gradient that torch computed: a Variable if it has a graph."""
    return standing_for(gradient, lambda _: True) if gradient.requires_grad else gradient


#: The tensors that models were given as arguments, with what they were given in their place.
_entered: Any = WeakIdKeyDictionary()


def entered(value: Any) -> Any:
    """What a model of Variables gets for an argument: a Variable if torch differentiates it.

    Also if it is a parameter, or computed from some: say, a prompt that is trained, or what a
    module gives that is not converted.
    """
    if not enters(value):
        return value
    variable = standing_for(value, enters)
    if variable is not None:
        _entered[value] = variable
    return value if variable is None else variable


def enters(value: Any) -> bool:
    """Whether it is a tensor or a parameter that torch differentiates."""
    return type(value) in (Tensor, torch.nn.Parameter) and value.requires_grad


def entered_as(tensor: Tensor) -> Variable | None:
    """What stands for a tensor whose gradient is asked for, if all uses of it go through that."""
    if tensor.grad_fn is None and (is_input(tensor) or is_adopted(tensor)):
        return adopted(tensor)
    return _entered.get(tensor)  # type: ignore[no-any-return]


def nodes_of(tensor: Tensor | Variable) -> Iterator[Any]:
    """The nodes of a tensor's graph, each once; in torch's, as far as the sources."""
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
        if not _is_asked_for_all():
            return None, None, *_gradients(ctx, gradient, ctx.ports)
        if torch.is_grad_enabled():
            raise OnceDifferentiableError(
                "backward with create_graph of a plain tensor reached a Variable that a module "
                "wrote into it, whose .grad would have no graph of torch's",
                where=f"a Variable of shape {tuple(ctx.variable.shape)}",
                fix="leave out create_graph; or call torch.autograd.grad(loss, inputs, "
                "create_graph=True), which returns the gradients",
            )
        ports = [port for port in ctx.ports if is_for_torch(port)]
        _Arrived.now().add(ctx.variable, gradient, ports)
        return None, None, *_gradients(ctx, gradient, ports)


def _is_asked_for_all() -> bool:
    """Whether torch's backward, which runs now, is for all leaves, and not for those it names."""
    return torch._C._will_engine_execute_node(get_gradient_edge(_token).node)


def _gradients(ctx: Any, gradient: Tensor, ports: list[Any]) -> list[Any]:
    """The gradients of those of the ports that torch is asked for, or needs for them.

    With create_graph they are sources in torch's graph, and their graph of Variables goes on from
    what torch computed of ``gradient``.
    """
    from plugrad.core.engine import run

    wanted = set(map(place_id, ports))
    needed = zip(ctx.ports, ctx.needs_input_grad[2:], strict=True)
    asked = [i for i, (port, needs) in enumerate(needed) if needs and place_id(port) in wanted]
    found: list[Any] = [None] * len(ctx.ports)
    if not asked or _reading.now:
        return found
    create_graph = torch.is_grad_enabled()
    targets = [ctx.ports[i] for i in asked]
    given = [recorded_again(gradient)]
    with torch_goes_on(map(place_id, ctx.ports)):
        gradients = run([ctx.variable], given, True, create_graph, targets, True)
    for i, each in zip(asked, gradients, strict=True):
        is_tracked = create_graph and each is not None and each.requires_grad
        found[i] = source_of(each) if is_tracked else getattr(each, "_data", each)  # type: ignore[arg-type]
    return found


class _Reading(local):
    """Whether the backward that runs now is one of ``ReadBack``, which goes on at the sources."""

    now = False


_reading = _Reading()


def gradients_of_starts(graph: Any, gradient: Tensor, create_graph: bool) -> tuple[Any, ...]:
    """What torch's graph gives the starts of what was read, and nothing beyond."""
    outer, _reading.now = _reading.now, True
    try:  # kept: the tensor may be read again, before and after more was written into it
        with left_out(graph.end.node, graph.hooks):
            found: tuple[Any, ...] = torch.autograd.grad(
                [graph.end], graph.starts, [gradient], True, create_graph, allow_unused=True
            )
        return found
    finally:
        _reading.now = outer


class _Arrived:
    """What one backward of torch's brought to sources: one backward of ours when it has ended."""

    _running: ClassVar[WeakValueDictionary[int, _Arrived]] = WeakValueDictionary()

    def __init__(self, keep_graph: bool) -> None:
        self._keep_graph = keep_graph
        self._variables: list[Variable] = []
        self._gradients: list[Tensor] = []
        self._handed_on: set[int] = set()

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

    def add(self, variable: Variable, gradient: Tensor, ports: list[Any]) -> None:
        """Note what arrived, and at which of its ports torch goes on."""
        self._variables.append(variable)
        self._gradients.append(gradient)
        self._handed_on.update(map(place_id, ports))

    def go_on(self) -> None:
        """Differentiate what the sources were computed from."""
        from plugrad.core.engine import backward

        with torch_goes_on(self._handed_on):
            backward(self._variables, self._gradients, retain_graph=self._keep_graph)
