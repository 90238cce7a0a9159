"""rewrite: a rule with something done before or after it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from torch import Tensor

from plugrad.testing.faults.contexts import contexts_of
from plugrad.testing.faults.subject import place_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def returning(
    function: type[Any], change: Callable[..., Any], *, values: bool = False
) -> Mapping[str, Any]:
    """The attributes of an op whose gradients are changed before they are returned.

    Args:
        function: the op.
        change: takes a gradient and its name, and, if asked for, the tensor that it is the
            gradient of and all arguments; returns the gradient to return.
        values: whether to ask for them.
    """
    kept = KeptArguments(function) if values else None
    contexts = contexts_of(function)
    names = contexts.positional(function)
    rule = contexts.rule(function)

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        arguments = () if kept is None else kept[ctx]

        def changed(gradient: Any, position: int, item: int | None) -> Any:
            if gradient is None:
                return None
            name = place_name(names, position, item)
            if kept is None:
                return change(gradient, name)
            if position >= len(arguments):  # a call that was not seen
                return gradient
            value: Any = arguments[position] if item is None else arguments[position][item]
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


def receiving(function: type[Any], change: Callable[[Any, int], Any]) -> Mapping[str, Any]:
    """The attributes of an op whose rule gets its cotangents changed.

    Args:
        function: the op.
        change: takes a cotangent and the number of its output.
    """
    rule = contexts_of(function).rule(function)

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

    def __init__(self, function: type[Any]) -> None:
        self._arguments: WeakKeyDictionary[Any, tuple[Any, ...]] = WeakKeyDictionary()
        self._contexts = contexts_of(function)
        #: The attributes of the op that keeps them.
        self.attributes = watching(function, self._keep)

    def _keep(self, ctx: Any, arguments: tuple[Any, ...]) -> None:
        # Without torch's graph, which could lead back to the context.
        raw = [a.detach() if isinstance(a, Tensor) else a for a in arguments]
        self._arguments[ctx] = tuple(raw)

    def __getitem__(self, ctx: Any) -> tuple[Any, ...]:
        return self._arguments.get(self._contexts.original(ctx), ())


def watching(
    function: type[Any], seen: Callable[[Any, tuple[Any, ...]], None]
) -> Mapping[str, Any]:
    """The attributes of an op that reports each context that is filled.

    Args:
        function: the op.
        seen: takes the context and the arguments.
    """
    contexts = contexts_of(function)
    if contexts.has_setup_context(function):
        setup = function.setup_context

        @wraps(setup)
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            setup(ctx, inputs, output)
            if contexts.is_recorded(ctx):
                seen(ctx, inputs)

        return {"setup_context": setup_context}
    fill = function.forward

    @wraps(fill)
    def forward(ctx: Any, *args: Any, **options: Any) -> Any:
        output = fill(ctx, *args, **options)
        if contexts.is_recorded(ctx):
            seen(ctx, args)
        return output

    return {"forward": forward}
