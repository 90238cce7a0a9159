"""rewrite: a rule with something done before or after it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from plugrad.core.node import Record
from plugrad.testing.faults.subject import place_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plugrad.core.function import Function


def returning(
    function: type[Function], change: Callable[..., Any], *, values: bool = False
) -> Mapping[str, Any]:
    """The attributes of an op whose gradients are changed before they are returned.

    Args:
        function: the op.
        change: takes a gradient and its name, and, if asked for, the tensor that it is the
            gradient of and all arguments; returns the gradient to return.
        values: whether to ask for them.
    """
    kept = KeptArguments(function) if values else None
    names = function.signature.positional
    rule = function.backward

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        arguments = () if kept is None else kept[ctx]

        def changed(gradient: Any, position: int, item: int | None) -> Any:
            if gradient is None:
                return None
            name = place_name(names, position, item)
            if kept is None:
                return change(gradient, name)
            value: Any = arguments[position] if position < len(arguments) else None
            value = value if item is None else value[item]
            return change(gradient, name, value, arguments)

        return each(rule(ctx, *cotangents), changed)

    return {"backward": backward, **({} if kept is None else kept.attributes)}


def each(result: Any, change: Callable[[Any, int, int | None], Any]) -> Any:
    """What a rule returned with each gradient changed."""
    if not isinstance(result, tuple | list):
        return change(result, 0, None)
    changed: list[Any] = []
    for position, gradient in enumerate(result):
        if isinstance(gradient, tuple | list):
            changed.append([change(g, position, i) for i, g in enumerate(gradient)])
        else:
            changed.append(change(gradient, position, None))
    return tuple(changed)


def receiving(function: type[Function], change: Callable[[Any, int], Any]) -> Mapping[str, Any]:
    """The attributes of an op whose rule gets its cotangents changed.

    Args:
        function: the op.
        change: takes a cotangent and the number of its output.
    """
    rule = function.backward

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        changed = [c if c is None else change(c, i) for i, c in enumerate(cotangents)]
        return rule(ctx, *changed)

    return {"backward": backward}


class KeptArguments:
    """The raw arguments of every call of an op that is alive, by its context.

    Args:
        function: the op.
    """

    def __init__(self, function: type[Function]) -> None:
        self._arguments: WeakKeyDictionary[Any, tuple[Any, ...]] = WeakKeyDictionary()
        self._function = function

    def __getitem__(self, ctx: Any) -> tuple[Any, ...]:
        return self._arguments.get(original(ctx), ())

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes of the op that keeps them."""
        if self._function.takes_setup_context():
            return {"setup_context": self._setup_context()}
        return {"forward": self._forward()}

    def _forward(self) -> Callable[..., Any]:
        function = self._function.forward

        @wraps(function)
        def forward(ctx: Any, *args: Any, **options: Any) -> Any:
            if isinstance(ctx, Record):
                self._arguments[ctx] = args
            return function(ctx, *args, **options)

        return forward

    def _setup_context(self) -> Callable[..., Any]:
        function = self._function.setup_context

        @wraps(function)
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            if isinstance(ctx, Record):
                self._arguments[ctx] = inputs
            function(ctx, inputs, output)

        return setup_context


def original(ctx: Any) -> Any:
    """The node of a context, which is a copy where only some inputs want a gradient."""
    return ctx._pg_narrowed_from or ctx
