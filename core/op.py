"""op: the decorator that declares a Function (or Composite) to be an op."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any, TypeVar

from plugrad.core.declaration import Declaration
from plugrad.core.function import Function
from plugrad.errors import OpDefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

_F = TypeVar("_F", bound=type[Function])


def op(name: str, **declared: Any) -> Callable[[_F], _F]:
    """Declare the decorated class to be the op ``name``.

    It changes nothing but the class: a registry makes the op reachable.

    Args:
        name: torch's dotted name, or ``pack::name`` in a pack.
        declared: the further fields of Declaration.

    Raises:
        OpDefinitionError: the name is not made of identifiers, the class is no Function,
            or a keyword is unknown.
    """
    pack, colons, plain = name.rpartition("::")
    parts = [*([pack] if colons else []), *plain.split(".")]
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise OpDefinitionError(
            f"{name!r} is not a legal op name",
            fix="use identifiers joined by dots, as in 'linalg.det', or 'pack::name'",
        )
    try:
        declaration = Declaration(name, **declared)
    except TypeError as error:
        raise OpDefinitionError(
            f"@op({name!r}) got an unknown keyword: {error}",
            fix=f"use these: {', '.join(list(Declaration.__dataclass_fields__)[1:])}",
        ) from error

    def declare(function: _F) -> _F:
        if not (isinstance(function, type) and issubclass(function, Function)):
            raise OpDefinitionError(
                f"@op({name!r}) decorates {function!r}, which is no Function",
                fix="write class Name(plugrad.Function): ...",
            )
        function.declaration = declaration
        function._compile(name, declaration.aliases)
        return function

    return declare
