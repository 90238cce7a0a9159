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
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.graph import GradientEdge, get_gradient_edge

from plugrad.core.context import running, transform_depth
from plugrad.errors import OnceDifferentiableError, TorchGraphError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

    from plugrad.core.variable import Variable

#: What runs while a module is called.
_MODULE_CALL: CodeType = torch.nn.Module._call_impl.__code__
#: The modules whose functions transform a function, and call it.
_TRANSFORMS = ("plugrad.func.", "plugrad.functional.")
_LEAF: Any = torch._C._functions.AccumulateGrad  # type: ignore[attr-defined]
#: What makes torch record a source: it asks for a gradient, and gets none.
_token = torch.empty(0, requires_grad=True)


def may_be_source() -> bool:
    """Whether a Variable may be written into a plain tensor: in a module, and by no transform.

    A transform would take what is a tensor for a constant.
    """
    duals = running.dual_level is not None or forward_ad._current_level >= 0
    if duals or transform_depth() or not in_a_module():
        return False
    names = (frame.f_globals.get("__name__", "") for frame in _frames())
    return not any(name.startswith(_TRANSFORMS) for name in names)


def in_a_module() -> bool:
    """Whether a module is being called, whose code its user did not write."""
    return any(frame.f_code is _MODULE_CALL for frame in _frames())


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def source_of(variable: Variable) -> Tensor:
    """The numbers of a Variable as a tensor that torch's graph knows; it shares their memory."""
    return _Source.apply(_token, SimpleNamespace(variable=variable))  # type: ignore[no-any-return, no-untyped-call]


def read_back(tensor: Tensor) -> Variable | None:
    """The Variable for a tensor whose values come from Variables that a module wrote.

    It shares the tensor's memory. None if they come from no Variable.

    Raises:
        TorchGraphError: they come from something else that requires grad, too.
    """
    sources: list[Any] = []
    others = False
    for node in nodes_of(tensor):
        if isinstance(node, _Source._backward_cls):
            sources.append(node)
        else:
            others |= isinstance(node, _LEAF) and node.variable is not _token
    if not sources:
        return None
    if others:
        raise TorchGraphError(
            f"a torch tensor of shape {tuple(tensor.shape)} was computed from Variables, which a "
            "module wrote into it, and from tensors that require grad in torch's autograd",
            where="where it meets Variables again",
            fix="put Variables in the place of the module's parameters, with "
            "plugrad.interop.convert(module), and give it inputs that are Variables or do not "
            "require grad",
        )
    from plugrad.core.read_back import ReadBack

    edges = [GradientEdge(node, 0) for node in sources]
    graph = SimpleNamespace(y=tensor, end=get_gradient_edge(tensor), starts=edges)
    return ReadBack.apply(graph, *[node.variable for node in sources])  # type: ignore[no-any-return]


def nodes_of(tensor: Tensor) -> Iterator[Any]:
    """The nodes of torch's graph of a tensor, each once."""
    seen, waiting = set(), [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting += [before for before, _ in node.next_functions]


class _Source(torch.autograd.Function):
    """A Variable in torch's graph."""

    @staticmethod
    def forward(ctx: Any, token: Tensor, holder: SimpleNamespace) -> Tensor:
        ctx.variable = holder.variable
        return ctx.variable._data.detach()  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None]:
        if torch.is_grad_enabled():
            raise OnceDifferentiableError(
                "torch's backward with create_graph reached a Variable that a module wrote into a "
                "plain tensor; what torch records of it ends there",
                where=f"a Variable of shape {tuple(ctx.variable.shape)}",
                fix="leave out create_graph; or make the tensor a Variable where the module makes "
                "it: plugrad.Variable(tensor)",
            )
        _Arrived.now().add(ctx.variable, gradient)
        return None, None


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
