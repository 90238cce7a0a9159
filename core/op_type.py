"""OpType, the class of all op classes: what they were compiled from cannot be exchanged later."""

from __future__ import annotations

from typing import Any

from plugrad.errors import OpDefinitionError

#: What the calls of an op, and the records of its graphs, are made from.
_COMPILED_FROM = frozenset(
    {
        "backward",
        "ctx_defaults",
        "forward",
        "needs",
        "setup_context",
        "slope",
        "value",
        "vjp",
        "vmap",
    }
)


class OpType(type):
    """A class of this type pickles by its name, like any class.

    If its package is missing, unpickling says which op needs it. Its rule is final: ``apply``,
    methods and torch functions that lead to the op, and graphs that are alive, all keep the one
    they were made with, so another one would be ignored without a word.

    Raises:
        OpDefinitionError: a part of the rule is assigned or deleted after the class was made.
    """

    declaration: Any

    def __setattr__(cls, name: str, value: Any) -> None:
        if name in _COMPILED_FROM:
            _refuse_if_compiled(cls, name)
        super().__setattr__(name, value)

    def __delattr__(cls, name: str) -> None:
        if name in _COMPILED_FROM:
            _refuse_if_compiled(cls, name)
        super().__delattr__(name)


def _refuse_if_compiled(cls: type, name: str) -> None:
    compiled = _compiled_with(cls, name)
    if compiled is None:
        return
    other = f"{compiled.__name__} uses {cls.__name__}'s" if compiled is not cls else "it is an op"
    value = "..." if name in ("ctx_defaults", "needs") else "staticmethod(...)"
    raise OpDefinitionError(
        f"{cls.__name__}.{name} cannot be changed any more: {other}, and calls go on with the one "
        "it was made with",
        where=f"an assignment to {cls.__name__}.{name}, or its deletion",
        fix=f"make another op of it: class Other({compiled.__name__}): {name} = {value}",
    )


def _compiled_with(cls: type, name: str) -> type | None:
    """``cls``, or a class derived from it that has its ``name``, if calls were made from it."""
    if "signature" in vars(cls):
        return cls
    derived: type
    for derived in cls.__subclasses__():
        if name not in vars(derived) and (found := _compiled_with(derived, name)) is not None:
            return found
    return None
