"""The graph as users see it: nodes, edges, hooks on several Variables, saved-tensor hooks.

The names and meanings are those of ``torch.autograd.graph``. The context managers are torch's own.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch.autograd.graph import (
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.context import running
from plugrad.core.grad_fn import Node, node_of
from plugrad.core.hooked import refuse_hook
from plugrad.core.node import ends
from plugrad.core.variable import Variable
from plugrad.errors import GradientTypeError, HookError, LeafError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.utils.hooks import RemovableHandle

    from plugrad.core.node import Edge

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class GradientEdge(torch.autograd.graph.GradientEdge):
    """A node and the number of its output: torch's, but torch.autograd.backward asks us."""

    __slots__ = ()

    __torch_function__ = Variable.__torch_function__


def get_gradient_edge(variable: Variable) -> GradientEdge:
    """Where the gradient of ``variable`` goes; ``grad`` and ``backward`` accept it in its place.

    Raises:
        LeafError: the Variable does not require grad.
        GradientTypeError: it is not a Variable.
    """
    edge = _edge_of(variable)
    if edge is None:
        raise LeafError(
            "It is not possible to get the gradient edge of a Variable that does not require "
            "gradients",
            where=f"a Variable of shape {tuple(variable.shape)}",
            fix="make it with requires_grad=True, or compute it from one that is",
        )
    record, number = ends(edge)
    if record._pg_outputs is None:
        record._pg_device = variable._data.device
    return GradientEdge(node_of(record), number)  # type: ignore[arg-type]


def _edge_of(variable: Variable) -> Edge | None:
    if not isinstance(variable, Variable):
        raise GradientTypeError(
            f"expected a Variable, but got a {type(variable).__name__}",
            fix="pass a plugrad.Variable; of a torch tensor, torch.autograd.graph's function of "
            "this name",
        )
    return edge_of(variable)


def increment_version(variables: Variable | Tensor | Sequence[Variable | Tensor]) -> None:
    """Count a change of the data that was not counted, as by a kernel of your own."""
    several = [variables] if isinstance(variables, Variable | torch.Tensor) else variables
    torch.autograd.graph.increment_version(
        [v._data if isinstance(v, Variable) else v for v in several]
    )


def register_multi_grad_hook(
    variables: Sequence[Variable],
    fn: Callable[..., None],
    *,
    mode: Literal["all", "any"] = "all",
) -> RemovableHandle:
    """Call ``fn`` once a backward when the gradients of several Variables are complete.

    Args:
        variables: Variables that require grad.
        fn: with mode "all" it is called with a list of gradients, when the last of those
            that this backward computes has arrived; the others are None. With "any" it is
            called with the first gradient.
        mode: "all" or "any".

    Returns:
        A handle; ``remove()`` removes the hook.

    Raises:
        HookError: another mode.
        LeafError: one of the Variables does not require grad.
        GradientTypeError: one of them is not a Variable.
    """
    if mode not in ("all", "any"):
        raise HookError(
            f"Expects mode to be one of ('all', 'any') but got {mode}",
            fix='pass mode="all" or "any"',
        )
    records = []
    for variable in variables:
        edge = _edge_of(variable)
        if edge is None:  # before any has a hook, which would stay
            refuse_hook(variable)
        records.append(ends(edge)[0])
    # By walk: what has arrived, and how many are still to come, though it may be None.
    seen: WeakKeyDictionary[Any, tuple[list[Any], list[int]]] = WeakKeyDictionary()
    lock = Lock()

    def one_of(position: int) -> Callable[[Variable], None]:
        def hook(gradient: Variable) -> None:
            walk = running.walk
            with lock:
                first = walk not in seen
                if first:
                    seen[walk] = [None] * len(records), [sum(map(walk.reaches, records))]
                gradients, coming = seen[walk]
                gradients[position] = gradient
                coming[0] -= 1
            if mode == "any":
                if first:
                    fn(gradient)
            elif not coming[0]:
                fn(gradients)

        return hook

    handles = [v.register_hook(one_of(i)) for i, v in enumerate(variables)]
    return torch.autograd.graph._MultiHandle(tuple(handles))
