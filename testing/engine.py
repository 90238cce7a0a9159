"""Engine: what computes and differentiates the op under test, plugrad's autograd or torch's.

A law is mathematics: it uses the engine of its case, and so holds for ops of both.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core import engine as scheduler
from plugrad.core.accumulate_grad import AccumulateGrad, edge_of
from plugrad.core.cotangent import per_edge
from plugrad.core.variable import Variable
from plugrad.errors import UnknownOpError, UnknownTorchFunctionError
from plugrad.testing.law import NotApplicable
from plugrad.testing.sparse import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.grad_fn import Node
    from plugrad.errors import PlugradError
    from plugrad.testing.call import Call


class Engine(ABC):
    """Makes leaves, differentiates, and says what the graph holds.

    A *value* is what the engine records: a Variable, or a tensor of torch's.
    """

    #: ``plugrad`` or ``torch``, as laws name it.
    name: str
    #: Whether it sums and casts a rule's gradients without a declaration.
    mends: bool

    @abstractmethod
    def leaf(self, tensor: Tensor, requires_grad: bool = False) -> Any:
        """A value that shares the memory and the version counter of ``tensor``."""

    @abstractmethod
    def raw(self, value: Any) -> Any:
        """The tensor of a value, without a graph; anything else as it is."""

    @abstractmethod
    def is_tracked(self, value: Any) -> bool:
        """Whether it is a value of this engine that requires grad."""

    @abstractmethod
    def takes_gradient(self, value: Any) -> bool:
        """Whether a gradient can be asked for."""

    @abstractmethod
    def knows_view(self, output: Any, inputs: Sequence[Any]) -> bool:
        """Whether it knows that an output shares memory with one of the inputs."""

    @abstractmethod
    def grad(
        self,
        outputs: Sequence[Any],
        cotangents: Sequence[Any],
        inputs: Sequence[Any],
        *,
        retain_graph: bool = True,
        create_graph: bool = False,
    ) -> list[Any]:
        """The gradient of each input, None where there is none.

        Tensors; with ``create_graph`` values.
        """

    def of_leaves(
        self, outputs: Sequence[Any], cotangents: Sequence[Any], leaves: Sequence[Any]
    ) -> list[Any]:
        """The same without a graph for ``leaves`` that are all there are; it is kept."""
        return self.grad(outputs, cotangents, leaves)

    @abstractmethod
    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any]) -> None:
        """Accumulate into the leaves' ``grad``; the graph is kept."""

    @abstractmethod
    def node(self, call: Call) -> Any:
        """The node of the call, if the op has a rule of its own; else None."""

    @abstractmethod
    def hidden(self, call: Call) -> dict[str, Any]:
        """What forward left for backward that is neither an input nor an output, by name.

        Numbers and floating-point tensors: a second derivative treats them as constants.
        """

    @abstractmethod
    def parts(self, call: Call) -> list[Any]:
        """The objects that the graph of the call is made of."""

    @abstractmethod
    def run_rule(self, call: Call, cotangents: Sequence[Any]) -> Any:
        """What the rule returns for a cotangent per root: not summed, cast, or checked."""

    @abstractmethod
    def per_edge(self, call: Call, gradients: Sequence[Any]) -> Sequence[Any]:
        """What a rule returned, one an edge of the node."""


class PlugradEngine(Engine):
    """plugrad's own: values are Variables."""

    name = "plugrad"
    mends = False

    def leaf(self, tensor: Tensor, requires_grad: bool = False) -> Any:
        """See Engine."""
        return Variable(tensor, requires_grad=requires_grad)

    def raw(self, value: Any) -> Any:
        """See Engine."""
        return value.data if isinstance(value, Variable) else value

    def is_tracked(self, value: Any) -> bool:
        """See Engine."""
        return isinstance(value, Variable) and value.requires_grad

    def takes_gradient(self, value: Any) -> bool:
        """See Engine."""
        return isinstance(value, Variable) and edge_of(value) is not None

    def knows_view(self, output: Any, inputs: Sequence[Any]) -> bool:
        """See Engine: an op says so with view=True."""
        return False

    def grad(
        self,
        outputs: Sequence[Any],
        cotangents: Sequence[Any],
        inputs: Sequence[Any],
        *,
        retain_graph: bool = True,
        create_graph: bool = False,
    ) -> list[Any]:
        """See Engine. A torch function without an op is not the fault of a user's rule."""
        try:
            return list(scheduler.run(outputs, cotangents, retain_graph, create_graph, inputs))
        except (UnknownTorchFunctionError, UnknownOpError) as error:
            lacking = _lacking(error)
            if not create_graph or lacking is None or any(map(_is_built_in, outputs)):
                raise
            raise NotApplicable(
                f"plugrad has no op for {lacking}, which the rule needs in a second derivative"
            ) from error

    def of_leaves(
        self, outputs: Sequence[Any], cotangents: Sequence[Any], leaves: Sequence[Any]
    ) -> list[Any]:
        """See Engine. It takes half as long as to find the way to each of them."""
        if not all(isinstance(edge_of(leaf), AccumulateGrad) for leaf in leaves):
            return self.grad(outputs, cotangents, leaves)  # an op wrote to one
        for leaf in leaves:
            leaf.grad = None
        scheduler.backward(outputs, cotangents, retain_graph=True)
        found = [self.raw(leaf._grad) for leaf in leaves]  # `grad` asks if it is a leaf, again
        for leaf in leaves:
            leaf.grad = None
        return found

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any]) -> None:
        """See Engine."""
        scheduler.backward(outputs, cotangents, retain_graph=True)

    def node(self, call: Call) -> Node | None:
        """See Engine."""
        for root in call.roots:
            node: Node | None = root.grad_fn
            if node is not None and node.op is call.case.op.function:
                return node
            if node is not None and node.name() == "ToDense":  # of a sparse output
                node = node.next_functions[0][0]
                if node is not None and node.op is call.case.op.function:
                    return node
        return None

    def hidden(self, call: Call) -> dict[str, Any]:
        """See Engine."""
        return _hidden(call.node)

    def parts(self, call: Call) -> list[Any]:
        """See Engine."""
        return [call.node, call.record]

    def run_rule(self, call: Call, cotangents: Sequence[Any]) -> Any:
        """See Engine. Every output that got no cotangent gets zeros, or None if the op asked."""
        record = call.record
        if record._pg_outputs is None:
            return record._pg_rule(record, *cotangents)
        arrived: list[Any] = [None] * len(record._pg_outputs)
        for root, cotangent in zip(call.roots, cotangents, strict=True):
            arrived[root.output_nr] = cotangent
        if record._pg_materialize_grads:
            arrived = [
                meta.zeros() if given is None and meta is not None else given
                for given, meta in zip(arrived, record._pg_outputs, strict=True)
            ]
        return record._pg_rule(record, *arrived)

    def per_edge(self, call: Call, gradients: Sequence[Any]) -> Sequence[Any]:
        """See Engine."""
        return per_edge(call.record, gradients)


def _lacking(error: PlugradError) -> str | None:
    """The torch function that an op would have to stand for."""
    found = re.match(r"no op stands for ([\w.]+\w)|.* has no '(\w+)': a tensor has it", error.what)
    return None if found is None else found[1] or f"torch.Tensor.{found[2]}"


def _is_built_in(output: Any) -> bool:
    node = getattr(output, "grad_fn", None)
    return node is not None and str(getattr(node.op, "__module__", "")).startswith("plugrad.ops.")


def _hidden(node: Any) -> dict[str, Any]:
    constants: dict[str, Any] = {
        f"saved tensor {i}": t
        for i, (t, origin) in enumerate(zip(node.saved, node.origins, strict=True))
        if isinstance(t, Tensor) and origin is None and t.is_floating_point()
    }
    for name, value in node.attributes.items():
        if isinstance(value, float | complex):
            constants[f"ctx.{name}"] = value
    for i, value in enumerate(node.saved):
        if isinstance(value, float | complex):
            constants[f"saved number {i}"] = value
    return constants


class TorchNode:
    """A node of torch's autograd, with the names that plugrad's has for checks.

    Args:
        grad_fn: of a torch.autograd.Function.
        call: the call that made it.
    """

    def __init__(self, grad_fn: Any, call: Call) -> None:
        self.grad_fn, self._call = grad_fn, call

    @property
    def op(self) -> Any:
        """The Function."""
        return self.grad_fn._forward_cls

    @property
    def output_count(self) -> int:
        """The number of outputs."""
        return len(self._call.outputs)

    @property
    def saved(self) -> tuple[Any, ...]:
        """The saved tensors without a graph; empty after they were freed."""
        return tuple(t.detach() if isinstance(t, Tensor) else t for t in self._unpacked)

    @property
    def origins(self) -> tuple[Any, ...]:
        """Where each saved tensor is from: input i is i, output j is -1 - j, else None."""
        return tuple(self.origin(t) if isinstance(t, Tensor) else None for t in self._unpacked)

    @property
    def _unpacked(self) -> tuple[Any, ...]:
        try:
            return tuple(self.grad_fn.saved_tensors)
        except RuntimeError:
            return ()

    def origin(self, tensor: Tensor) -> int | None:
        """The same of any tensor that forward left for backward.

        A tensor on the memory of an input or an output, but without its graph, is a constant for
        a second derivative, and is from neither.
        """
        places = list(enumerate(self._call.variables))
        places += [(-1 - j, o) for j, o in enumerate(self._call.outputs)]
        for where, value in places:
            if isinstance(value, Tensor) and place(value) == place(tensor):
                return where if value.requires_grad == tensor.requires_grad else None
        return None

    @property
    def attributes(self) -> dict[str, Any]:
        """What forward set on its context, by name."""
        return dict(vars(self.grad_fn))


class TorchEngine(Engine):
    """torch's own: values are its tensors, and nothing of plugrad runs in a call."""

    name = "torch"
    mends = True

    def leaf(self, tensor: Tensor, requires_grad: bool = False) -> Any:
        """See Engine."""
        return tensor.detach().requires_grad_(requires_grad)

    def raw(self, value: Any) -> Any:
        """See Engine."""
        return value.detach() if isinstance(value, Tensor) else value

    def is_tracked(self, value: Any) -> bool:
        """See Engine."""
        return isinstance(value, Tensor) and value.requires_grad

    takes_gradient = is_tracked

    def knows_view(self, output: Any, inputs: Sequence[Any]) -> bool:
        """See Engine."""
        if any(output is value for value in inputs):
            return True
        return bool(output._is_view()) and any(
            isinstance(value, Tensor)
            and output._base is (value._base if value._is_view() else value)
            for value in inputs
        )

    def grad(
        self,
        outputs: Sequence[Any],
        cotangents: Sequence[Any],
        inputs: Sequence[Any],
        *,
        retain_graph: bool = True,
        create_graph: bool = False,
    ) -> list[Any]:
        """See Engine."""
        pairs = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if c is not None]
        if not pairs or not inputs:
            return [None] * len(inputs)
        outputs, cotangents = zip(*pairs, strict=True)
        # What torch.autograd.grad runs after it has looked at its arguments, which takes as long.
        found = torch.autograd.Variable._execution_engine.run_backward(
            outputs,
            cotangents,
            retain_graph,
            create_graph,
            tuple(inputs),
            allow_unreachable=True,
            accumulate_grad=False,
        )
        return list(found)

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any]) -> None:
        """See Engine."""
        torch.autograd.backward(list(outputs), list(cotangents), retain_graph=True)

    def node(self, call: Call) -> TorchNode | None:
        """See Engine."""
        for root in call.roots:
            grad_fn = root.grad_fn
            if getattr(grad_fn, "_forward_cls", None) is call.case.op.function:
                return TorchNode(grad_fn, call)
        return None

    def hidden(self, call: Call) -> dict[str, Any]:
        """See Engine. A tensor as an attribute is there, too, which torch allows."""
        node = call.node
        tensors = {
            f"ctx.{name}": value
            for name, value in node.attributes.items()
            if isinstance(value, Tensor)
            and value.is_floating_point()
            and node.origin(value) is None
        }
        return {**_hidden(node), **tensors}

    def parts(self, call: Call) -> list[Any]:
        """See Engine."""
        return [call.node.grad_fn]

    def run_rule(self, call: Call, cotangents: Sequence[Any]) -> Any:
        """See Engine. An output that is no root gets zeros."""
        if len(cotangents) == len(call.outputs):
            return call.node.grad_fn.apply(*cotangents)
        arrived: list[Any] = [
            torch.zeros_like(o, requires_grad=False) if isinstance(o, Tensor) else None
            for o in call.outputs
        ]
        for number, cotangent in zip(call.root_numbers, cotangents, strict=True):
            arrived[number] = cotangent
        return call.node.grad_fn.apply(*arrived)

    def per_edge(self, call: Call, gradients: Sequence[Any]) -> Sequence[Any]:
        """See Engine."""
        return gradients


PLUGRAD = PlugradEngine()
TORCH = TorchEngine()
