"""Functions with a ``vmap`` of their own: inside torch.vmap it is called instead of forward.

How is known to ``plugrad.functional``, which maps: it says so here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from plugrad.core.context import transform_depth

if TYPE_CHECKING:
    from collections.abc import Callable


class Mapped(NamedTuple):
    """A Function whose calls are mapped by its own rule."""

    #: The op's, for errors.
    name: str
    #: Its vmap.
    rule: Callable[..., Any]
    #: Whether it also has generate_vmap_rule = True, which torch refuses.
    generated: bool
    #: Calls it without the rule, and with it.
    plain: Callable[..., Any]
    again: Callable[..., Any]


#: Calls a Function inside torch.vmap; set when plugrad.functional's vmap is imported.
call_inside: list[Callable[[Mapped, tuple[Any, ...]], Any]] = []


def with_own_vmap(
    function: Any,
    name: str,
    plain: Callable[..., Any],
    bind: Callable[..., tuple[Any, ...]] = lambda args, _: args,
) -> Callable[..., Any]:
    """What calls ``function``: ``plain``, but inside torch.vmap its own rule.

    Args:
        function: a Function, or a torch.autograd.Function.
        name: for errors.
        plain: calls it as it is.
        bind: makes positional arguments of all arguments, where there may be others.
    """

    def apply(*args: Any, **kwargs: Any) -> Any:
        if call_inside and transform_depth():
            return call_inside[0](mapped, bind(args, kwargs))
        return plain(*args, **kwargs)

    generated = bool(function.generate_vmap_rule)
    mapped = Mapped(name, function.vmap, generated, plain, apply)
    return apply
