"""The backward scheduler: walks the graph from its outputs and hands gradients on.

Nodes are numbered as they are made, so a node is always newer than those that made its
inputs. Hence a heap that gives the newest node first runs a node only when all that use
its output have run, and its gradient is complete. Nothing recurses.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import AccumulateGrad, gradient_edge
from plugrad.core.cotangent import as_cotangents, as_variables, fit, per_edge, root_gradient
from plugrad.core.variable import Variable
from plugrad.errors import BackwardError, NoGraphError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.node import Node

_Gradient = Any  # a Tensor, or in create_graph a Variable


def backward(
    tensors: Variable | Sequence[Variable],
    grad_tensors: Variable | Tensor | Sequence[Variable | Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    *,
    inputs: Variable | Sequence[Variable] | None = None,
) -> None:
    """Add the gradients of ``tensors`` with respect to the leaves to their ``grad``.

    ``torch.autograd.backward`` on Variables.

    Args:
        tensors: the roots, one Variable or several; their gradients add up.
        grad_tensors: the cotangent of each root, of its shape and dtype; None for a root
            of one element, where it is 1.
        retain_graph: keep saved tensors for another backward; by default ``create_graph``.
        create_graph: record the backward itself, for derivatives of any order.
        inputs: only these get a gradient, leaves or not; by default every leaf.

    Raises:
        NoGraphError: a root does not require grad.
        NonScalarRootError: a root of more than one element has no cotangent.
        GradientShapeError, GradientDtypeError, GradientDeviceError, GradientTypeError: a
            cotangent, or what an op's backward returned, does not fit.
        GradientCountError: an op's backward returned a wrong number of gradients.
    """
    roots = as_variables(tensors)
    cotangents = as_cotangents(grad_tensors, len(roots))
    if inputs is None:
        run(roots, cotangents, retain_graph, create_graph)
        return
    targets = tuple(dict.fromkeys(as_variables(inputs)))  # one given twice counts once
    if not targets:
        raise BackwardError("inputs is empty", fix="leave inputs out, or name a Variable")
    gradients = run(roots, cotangents, retain_graph, create_graph, targets)
    for target, gradient in zip(targets, gradients, strict=True):
        if gradient is not None:
            AccumulateGrad(target).accumulate([gradient])


def run(
    roots: Sequence[Variable],
    cotangents: Sequence[Variable | Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
    targets: Sequence[Variable] | None = None,
) -> list[_Gradient | None]:
    """One backward. With ``targets`` no leaf is touched and their gradients are returned."""
    keep = create_graph if retain_graph is None else retain_graph
    walk = _Walk(keep, create_graph, targets)
    gradients = [root_gradient(r, c, create_graph) for r, c in zip(roots, cotangents, strict=True)]
    walk.start(roots, gradients)
    del gradients  # else the roots' own gradients would seem to be shared
    # The rules record what they do on Variables exactly when create_graph is set.
    with torch.set_grad_enabled(create_graph):
        if create_graph:
            walk.go()
        else:
            _below_autograd(walk)
    return walk.captured


def _below_autograd(walk: _Walk) -> None:
    """Run with torch's own autograd layer skipped: its share of each call is saved."""
    guard = torch._C._AutoDispatchBelowAutograd()
    try:
        walk.go()
    finally:
        del guard


class _Walk:
    """The state of one backward: it belongs to one call, so threads need no locks."""

    def __init__(self, keep: bool, create_graph: bool, targets: Sequence[Variable] | None) -> None:
        self.keep, self.create_graph = keep, create_graph
        self.heap: list[tuple[int, Node]] = []
        # What has arrived at a node so far: a gradient, or a list of one per output.
        self.pending: dict[Node, Any] = {}
        # Nodes whose pending gradient is a sum made here, so that nobody else sees it.
        self.owned: set[Node] = set()
        # With targets: (output number, position) of each, by node; their gradients; the
        # nodes a gradient must pass through to get there; and both kinds of nodes.
        self.wanted: dict[Node, list[tuple[int, int]]] | None = None
        self.captured: list[_Gradient | None] = []
        self.through: set[Node] = set()
        self.live: set[Node] = set()
        if targets is not None:
            self.captured = [None] * len(targets)
            self.wanted = _wanted(targets)

    def start(self, roots: Sequence[Variable], gradients: Sequence[_Gradient]) -> None:
        """Put the cotangents of the roots where the walk begins."""
        edges = [edge for edge in map(gradient_edge, roots) if edge is not None]
        if self.wanted is not None:
            self.through = _leading_to(set(self.wanted), [node for node, _ in edges])
            self.live = self.through | set(self.wanted)
        for (node, output_nr), gradient in zip(edges, gradients, strict=True):
            self._add(node, output_nr, gradient)

    def go(self) -> None:
        """Run every node, the newest first."""
        heap, pending, wanted, keep = self.heap, self.pending, self.wanted, self.keep
        while heap:
            node = heappop(heap)[1]
            if wanted is None and node.__class__ is AccumulateGrad:
                gradient = result = None  # so that the list holds the only reference
                node.accumulate([pending.pop(node)])
                continue
            gradient = pending.pop(node)
            if wanted is not None and self._ends_at(node, gradient):
                continue
            if wanted is None and node._outputs is None and node._retained is None:
                result = node._rule(node, gradient)
            else:
                result = self._run_carefully(node, gradient)
            if not keep and node._saved:
                node._saved = None
            if result.__class__ is not tuple and result.__class__ is not list:
                result = (result,)
            if len(result) != len(node._edges) or node._list_lengths is not None:
                result = per_edge(node, result)
            for edge, gradient in zip(node._edges, result):  # noqa: B905 (equal, see above)
                if edge is not None and gradient is not None:
                    target = edge[0]
                    if (
                        gradient.__class__ is not Tensor
                        or gradient.shape != target._shape
                        or gradient.dtype is not target._dtype
                    ):
                        gradient = fit(node, gradient, edge, self.create_graph)
                    self._add(target, edge[1], gradient)

    def _run_carefully(self, node: Node, gradient: Any) -> Any:
        """Run a node that has several outputs, retained gradients, or only some live edges."""
        context = node if self.wanted is None else node.narrowed(self.live)
        if node._retained is not None:
            _retain(node, gradient)
        if node._outputs is None:
            return node._rule(context, gradient)
        return node._rule(context, *_materialized(node, gradient, self.create_graph))

    def _add(self, node: Node, output_nr: int, gradient: _Gradient) -> None:
        """Add what arrived for one output of ``node`` to what is pending there."""
        pending = self.pending
        if node not in pending:
            if self.wanted is not None and node not in self.live:
                return
            heappush(self.heap, (-node._sequence_number, node))
            if node._outputs is None:
                pending[node] = gradient
                return
            pending[node] = [None] * len(node._outputs)
        if node._outputs is not None:
            old = pending[node][output_nr]
            pending[node][output_nr] = gradient if old is None else old + gradient
        elif node in self.owned:
            pending[node].add_(gradient)
        else:
            pending[node] = pending[node] + gradient
            if not self.create_graph:
                self.owned.add(node)

    def _ends_at(self, node: Node, arrived: Any) -> bool:
        """Capture what is wanted of ``node``; returns whether nothing beyond it is wanted.

        Such a node does not run, and so keeps its saved tensors.
        """
        assert self.wanted is not None
        for output_nr, position in self.wanted.get(node, ()):
            self.captured[position] = arrived if node._outputs is None else arrived[output_nr]
        return node not in self.through


def _wanted(targets: Sequence[Variable]) -> dict[Node, list[tuple[int, int]]]:
    wanted: dict[Node, list[tuple[int, int]]] = {}
    for position, target in enumerate(targets):
        edge = gradient_edge(target)
        if edge is None:
            raise NoGraphError(
                f"input {position} does not require grad",
                where=f"a Variable of shape {tuple(target.shape)}",
                fix="make it with requires_grad=True before the outputs are computed",
            )
        wanted.setdefault(edge[0], []).append((edge[1], position))
    return wanted


def _leading_to(wanted: set[Node], roots: list[Node]) -> set[Node]:
    """The nodes below ``roots`` from which a wanted node can be reached by an edge.

    Sorted by age, every node comes after those its edges lead to.
    """
    seen, stack = set(roots), list(roots)
    while stack:
        for edge in stack.pop()._edges:
            if edge is not None and edge[0] not in seen:
                seen.add(edge[0])
                stack.append(edge[0])
    through: set[Node] = set()
    for node in sorted(seen, key=lambda n: n._sequence_number):
        if any(e is not None and (e[0] in wanted or e[0] in through) for e in node._edges):
            through.add(node)
    return through


def _retain(node: Node, gradient: Any) -> None:
    for output_nr, reference in (node._retained or {}).items():
        variable = reference()
        own = gradient if node._outputs is None else gradient[output_nr]
        if variable is None or own is None:
            continue
        own = own if isinstance(own, Variable) else Variable(own)
        variable._grad = own if variable._grad is None else variable._grad.add(own)


def _materialized(node: Node, gradients: list[Any], create_graph: bool) -> list[Any]:
    """One gradient per output: zeros, or None if the op wants that, where none arrived."""
    if not node._materialize_grads:
        return gradients
    zeros = [
        None if meta is None or gradient is not None else meta.zeros()
        for gradient, meta in zip(gradients, node._outputs or (), strict=True)
    ]
    if create_graph:
        zeros = [None if z is None else Variable(z) for z in zeros]  # type: ignore[misc]
    return [z if g is None else g for g, z in zip(gradients, zeros, strict=True)]
