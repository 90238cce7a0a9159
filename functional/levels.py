"""One call of a transform: the Variables that it passes to the function, and its result.

Each call makes its own Variables from what it was given. So a derivative is with respect to
these alone, even if the function uses the same value in another way (a transform inside
another one, a closure): nothing can be confused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map

from plugrad.core.accumulate_grad import AccumulateGrad, edge_of
from plugrad.core.context import Context, running
from plugrad.core.cotangent import as_places
from plugrad.core.engine import run
from plugrad.core.function import Function
from plugrad.core.node import ends
from plugrad.core.variable import Variable, plain
from plugrad.errors import TransformTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping, Sequence

    from plugrad.core.node import Edge, Record


def recording() -> Any:
    """Record, also in inference_mode: the tensors made in it could not be saved."""
    inference = torch.is_inference_mode_enabled()
    return torch.inference_mode(False) if inference else torch.enable_grad()


class Level:
    """One call of a transform.

    Args:
        name: the transform's, for errors.
        given: its arguments; if there is a Variable among them, it returns Variables.
    """

    def __init__(self, name: str, *given: Any) -> None:
        self.name = name
        self.gives_variables = any(isinstance(v, Variable) for v in tree_leaves(given))
        #: Whether the caller may differentiate what is returned.
        self.recording = torch.is_grad_enabled()
        #: The records of what was given, by whether a graph continues behind them.
        self._entries: MutableMapping[Record, bool] = {}
        #: Empty once the call has ended: its own leaves are no longer differentiated.
        self._open = [True]

    def later(self, *given: Any) -> Level:
        """The same level in a later call, of what it returned, with these arguments."""
        level = Level(self.name, *given)
        level.gives_variables = level.gives_variables or self.gives_variables
        level._entries = self._entries
        return level

    # --- in ---
    def enter(self, tree: Any) -> Any:
        """``tree`` with a Variable of this level for each tensor and Variable."""
        return tree_map(self.enter_one, tree)

    def enter_one(self, value: Any) -> Variable:
        """A Variable that requires grad and that nobody else has."""
        if not isinstance(value, Tensor | Variable):
            raise TransformTypeError(
                f"{self.name}: what is differentiated must be tensors or Variables, not "
                f"{type(value).__name__}",
                where="an argument, or an element of one that is a list, tuple or dict",
                fix="pass torch.as_tensor(value), or leave the argument out of argnums",
            )
        tracked = self.recording and isinstance(value, Variable) and value.requires_grad
        if tracked:
            inner: Variable = Entry.apply(value)
        else:
            data = value._data if isinstance(value, Variable) else Variable(value)._data
            data = data.clone() if data.is_inference() else data.detach()
            inner = plain(data).requires_grad_()
        edge = edge_of(inner)
        assert edge is not None
        record = ends(edge)[0]
        self._entries[record] = tracked
        if not tracked:
            record._pg_open = self._open
        return inner

    # --- what is computed with them ---
    def gradients(
        self,
        outputs: Sequence[Variable],
        inputs: Sequence[Variable],
        cotangents: Sequence[Any],
        create_graph: bool | None = None,
    ) -> list[Any]:
        """The gradient for each of ``inputs``: a tensor, or if it is recorded a Variable, or None.

        The graph stays, so that it can be asked for others. ``create_graph`` is by default
        whether the caller could differentiate the gradients.
        """
        if create_graph is None:
            create_graph = self.is_recorded((*outputs, *cotangents))
        pairs = [
            (o, c)
            for o, c in zip(outputs, cotangents, strict=True)
            if isinstance(o, Variable) and o.requires_grad
        ]
        if not pairs:
            return [None] * len(inputs)
        roots = as_places([o for o, _ in pairs])
        targets = as_places(inputs)
        return run(roots, [c for _, c in pairs], True, create_graph, targets, cut=True)

    def is_recorded(self, values: Iterable[Any]) -> bool:
        """Whether the caller could differentiate what is computed from these."""
        return self.recording and (
            running.recorded_rule is not None
            or any(isinstance(v, Variable) and self.depends_outside(v) for v in values)
        )

    def depends_outside(self, value: Variable) -> bool:
        """Whether a graph leads from ``value`` to more than this level's own Variables."""
        edge = edge_of(value) if value.requires_grad else None
        return edge is not None and self.leads_outside(edge)

    def leads_outside(self, edge: Edge) -> bool:
        """The same for what ``edge`` leads to."""
        first = ends(edge)[0]
        seen, stack = {first}, [first]
        while stack:
            record = stack.pop()
            if record in self._entries:
                if self._entries[record]:
                    return True
                continue
            # That of a call that has ended leads nowhere.
            if vars(record).get("_pg_open", isinstance(record, AccumulateGrad)):
                return True
            for behind in record._pg_edges:
                if behind is not None and ends(behind)[0] not in seen:
                    seen.add(ends(behind)[0])
                    stack.append(ends(behind)[0])
        return False

    # --- out ---
    def leave(self, tree: Any) -> Any:
        """``tree`` as the caller gets it: without a graph that only this level knows."""
        self._open.clear()
        return tree_map(self.leave_one, tree)

    def leave_one(self, value: Any) -> Any:
        """A Variable if Variables were given or the caller can differentiate it, else a tensor."""
        if isinstance(value, Tensor):
            return Variable(value) if self.gives_variables else value
        if not isinstance(value, Variable):
            return value
        if self.recording and self.depends_outside(value):
            return value
        return plain(value._data) if self.gives_variables else value._data


class Entry(Function):
    """The identity, from a Variable to its copy in a level."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Context, gy: Any) -> Any:
        return gy

    @staticmethod
    def jvp(ctx: Context, tx: Any) -> Any:
        return tx


def zeros_for(found: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    """``found`` with zeros like the input where nothing was found."""
    return [
        torch.zeros_like(getattr(x, "_data", x)) if g is None else g
        for g, x in zip(found, inputs, strict=True)
    ]


def flat_variables(tree: Any, name: str, what: str) -> tuple[list[Any], Any]:
    """The leaves of ``tree``, all of which must be tensors or Variables, and its structure."""
    leaves, spec = tree_flatten(tree)
    for leaf in leaves:
        if not isinstance(leaf, Tensor | Variable):
            raise TransformTypeError(
                f"{name}: expected {what} to be tensors or Variables, in lists, tuples and dicts "
                f"at any depth, got {type(leaf).__name__}",
                where=f"a call of {name}",
                fix="return what is not to be differentiated as aux, with has_aux=True"
                if "returns" in what
                else "make it a tensor: torch.as_tensor(value)",
            )
    return leaves, spec
