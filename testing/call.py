"""Call: one recorded call of the op under test, and its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import gradient_edge
from plugrad.core.cotangent import per_edge
from plugrad.core.engine import run
from plugrad.core.variable import Variable
from plugrad.testing.flat import flat
from plugrad.testing.random_like import random_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.node import Node
    from plugrad.testing.case import Case


class Call:
    """The outputs of a call, and the gradients of them.

    A gradient is given per input of the case; None where there is none.

    Args:
        case: what was called.
        variables: what its inputs were, Variables for the differentiable ones.
        output: what the op returned.
    """

    def __init__(self, case: Case, variables: Sequence[Any], output: Any) -> None:
        self.case, self.variables, self.output = case, variables, output
        self.outputs = flat(output)

    @property
    def tensors(self) -> list[Any]:
        """The outputs with tensors for Variables."""
        return [o.data if isinstance(o, Variable) else o for o in self.outputs]

    @property
    def input_tensors(self) -> list[Tensor]:
        """The inputs with tensors for Variables."""
        return [v.data if isinstance(v, Variable) else v for v in self.variables]

    @property
    def root_numbers(self) -> list[int]:
        """Which outputs require grad."""
        return [
            i for i, o in enumerate(self.outputs) if isinstance(o, Variable) and o.requires_grad
        ]

    @property
    def roots(self) -> list[Variable]:
        """The outputs that require grad."""
        return [self.outputs[i] for i in self.root_numbers]

    @property
    def node(self) -> Node | None:
        """The node of this call; None if nothing was recorded, or the op is composite."""
        for root in self.roots:
            node: Node | None = root.grad_fn
            if node is not None and node._function is self.case.op.function:
                return node
        return None

    def cotangents(self, salt: int = 0) -> list[Tensor]:
        """Random cotangents, one per root."""
        generator = self.case.generator(salt)
        return [random_like(root.data, generator) for root in self.roots]

    def raw(self, cotangents: Sequence[Any]) -> Any:
        """What the rule itself returns: not summed, cast, or checked by the engine.

        Needs a node. Every output that got no cotangent gets zeros, or None if the op
        asked for that, as in the engine.
        """
        node = self.node
        assert node is not None
        if node._outputs is None:
            return node._rule(node, *cotangents)
        arrived: list[Any] = [None] * len(node._outputs)
        for root, cotangent in zip(self.roots, cotangents, strict=True):
            arrived[root.output_nr] = cotangent
        if node._materialize_grads:
            arrived = [
                meta.zeros() if given is None and meta is not None else given
                for given, meta in zip(arrived, node._outputs, strict=True)
            ]
        return node._rule(node, *arrived)

    def rule(self, cotangents: Sequence[Any]) -> list[Any]:
        """The raw gradient of each input; of a composite op the engine's."""
        node = self.node
        if node is None:
            return self.vjp(cotangents)
        with torch.no_grad():
            result = self.raw(cotangents)
        gradients: list[Any] = [None] * len(self.case.inputs)
        if not isinstance(result, tuple | list):
            result = (result,)
        for index, gradient in zip(self.case.edge_inputs, per_edge(node, result), strict=True):
            if index is not None:
                gradients[index] = gradient
        return gradients

    def vjp(self, cotangents: Sequence[Any], create_graph: bool = False) -> list[Any]:
        """The gradient of each input as the engine gives it: summed, cast, checked.

        With ``create_graph`` they are Variables. The graph is kept.
        """
        wanted = [i for i, v in enumerate(self.variables) if gradient_of(v)]
        gradients: list[Any] = [None] * len(self.variables)
        roots = self.roots
        if roots:
            targets = [self.variables[i] for i in wanted]
            found = run(roots, cotangents, True, create_graph, targets)
            for index, gradient in zip(wanted, found, strict=True):
                gradients[index] = gradient
        return gradients


def gradient_of(variable: Any) -> bool:
    """Whether a gradient can be asked for."""
    return isinstance(variable, Variable) and gradient_edge(variable) is not None
