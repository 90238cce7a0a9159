"""Node: what ``grad_fn`` is; it shows a record to those who inspect the graph."""

from __future__ import annotations

import re
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NoReturn

from plugrad.core.context import raw_saved
from plugrad.core.hooked import HOOKED_LEAVES
from plugrad.core.hooks import register
from plugrad.core.node import Record, ends
from plugrad.errors import GradientTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.utils.hooks import RemovableHandle

    from plugrad.core.function import Function


class _NodeType(type):
    """Lets a record count as a Node: in torch, a rule is given one."""

    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or (cls is Node and isinstance(instance, Record))


class Node(metaclass=_NodeType):
    """One recorded call of an op: ``grad_fn``, and what its ``next_functions`` lead to.

    It has torch's names, and some more for checks and debuggers: ``op``, ``output_count``,
    ``saved``, ``origins`` and ``attributes``. What forward set on its context can be read
    here too; on a Function's node it can also be set. As long as somebody holds it, it is
    the same object.
    """

    __slots__ = ("__weakref__", "_record")

    _record: Record

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    def name(self) -> str:
        """The name of the op's class."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """For each edge, the node it leads to (None for a constant) and its output's number."""
        found: list[tuple[Node | None, int]] = []
        for edge in self._record._pg_edges:
            record, number = (None, 0) if edge is None else ends(edge)
            found.append((None if record is None else node_of(record), number))
        return tuple(found)

    @property
    def _input_metadata(self) -> NoReturn:
        """What torch.autograd asks for before it walks from a GradientEdge, as in its own graph."""
        raise GradientTypeError(
            "torch.autograd was given a GradientEdge of a Variable's graph, and no Variable that "
            "would lead it here",
            where=f"the edge to {self!r}",
            fix="call plugrad.backward or plugrad.grad with the same arguments",
        )

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict for notes of your own; in anomaly mode ``traceback_`` is forward's stack."""
        if self._record._pg_metadata is None:
            stack = self._record._pg_stack
            frames = None if stack is None else re.split(r"(?m)^(?=  File )", stack)[1:]
            self._record._pg_metadata = {} if frames is None else {"traceback_": frames}
        return self._record._pg_metadata

    @property
    def op(self) -> type[Function] | None:
        """The Function that was called; None at a leaf."""
        return self._record._pg_function

    @property
    def output_count(self) -> int:
        """The number of outputs."""
        outputs = self._record._pg_outputs
        return 1 if outputs is None else len(outputs)

    @property
    def saved(self) -> tuple[Any, ...]:
        """The saved values as raw tensors; empty after they were freed."""
        return () if self._record._pg_saved is None else raw_saved(self._record)

    @property
    def origins(self) -> tuple[Any, ...]:
        """Where each saved value is from: input i is i, output j is -1 - j, a constant is None."""
        return self._record._pg_origins if self._record._pg_saved else ()

    @property
    def attributes(self) -> dict[str, Any]:
        """What forward set on its context, by name."""
        given = vars(self._record).items()
        return {name: value for name, value in given if not name.startswith("_pg_")}

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(grad_inputs, grad_outputs)`` after this node's backward.

        It gets tuples of Variables, None where there is no gradient, and may return a tuple
        that replaces ``grad_inputs``.
        """
        self._note_hook()
        if self._record._pg_post_hooks is None:
            self._record._pg_post_hooks = OrderedDict()
        return register(self._record._pg_post_hooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(grad_outputs)`` before this node's backward; it may replace them."""
        self._note_hook()
        if self._record._pg_pre_hooks is None:
            self._record._pg_pre_hooks = OrderedDict()
        return register(self._record._pg_pre_hooks, hook)

    def _note_hook(self) -> None:
        self._record._pg_special = True
        leaf = getattr(self._record, "variable", None)
        if leaf is not None:
            HOOKED_LEAVES.add(leaf)

    def __call__(self, *gradients: Any) -> Any:
        """Run the rule on the outputs' gradients, without hooks: what this one step gives.

        None means no gradient. Nothing is freed, and with gradients enabled the rule is
        recorded. At a leaf it adds to ``grad``. Returns a Variable or None for each
        argument, leaving out those after the last gradient; for a single argument, not a
        tuple.

        Raises:
            ArgumentError: the number of gradients is not the number of outputs.
        """
        from plugrad.core.rule import called

        return called(self._record, gradients)

    def _sequence_nr(self) -> int:
        return self._record._pg_sequence_number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_pg_") or name == "_record":
            raise AttributeError(name)
        if name.startswith(("_saved_", "_raw_saved_")) or name == "saved_tensors":
            from plugrad.core.saved import saved_attribute

            return saved_attribute(self._record, name)
        return getattr(self._record, name)

    def __setattr__(self, name: str, value: Any) -> None:
        taken = name.startswith("_pg_") or hasattr(Node, name)
        if taken or self._record._pg_is_builtin or hasattr(type(self._record), name):
            super().__setattr__(name, value)  # refuses a name without a slot
        else:
            setattr(self._record, name, value)

    def __dir__(self) -> list[str]:
        from plugrad.core.saved import saved_names

        saved = [name for name in saved_names(self._record) if name is not None]
        shown = [f"{kind}_{name}" for kind in ("_saved", "_raw_saved") for name in saved]
        return [*super().__dir__(), *self.attributes, *shown]


def node_of(record: Record) -> Node:
    """The Node that shows ``record``."""
    record = record._pg_narrowed_from or record
    reference = record._pg_node
    node = None if reference is None else reference()
    if node is None:
        kind = type(record)
        shown = vars(kind).get("_pg_node_type")
        if shown is None:
            shown = _NodeType(
                kind.__name__, (Node,), {"__slots__": (), "__module__": kind.__module__}
            )
            kind._pg_node_type = shown  # type: ignore[attr-defined]
        node = shown()
        node._record = record
        record._pg_node = weakref.ref(node)
    return node
