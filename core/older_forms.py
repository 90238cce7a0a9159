"""What torch reads from arguments, and an op's forward does not take.

Older forms of calls, and objects that have rules of their own for torch's functions.
"""

from __future__ import annotations

from contextlib import suppress
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch._ops import OpOverload

from plugrad.core.resolver import resolver
from plugrad.core.who_asks import TellsTensor
from plugrad.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plugrad.core.function import Function


class HasOwnRulesError(ArgumentError):
    """An argument has a ``__torch_function__``, and is neither a Variable nor a tensor."""

    def __init__(self, value: object, op_name: str) -> None:
        super().__init__(
            f"{op_name} was given a {type(value).__name__}, whose own rules for torch's functions "
            "it cannot ask",
            where=f"a call of {op_name}",
            fix="call torch's function, which asks them; or pass the tensor in it",
        )


def refuse_own_rules(value: object, op_name: str) -> None:
    """Raise HasOwnRulesError if ``value``, which is not a tensor, has rules of its own."""
    if any_own_rules((value.__class__,)):
        raise HasOwnRulesError(value, op_name)


def any_own_rules(types: Iterable[type]) -> bool:
    """Whether one of ``types`` has rules that Variable's must leave the call to, as a tensor's."""
    for kind in types:
        if issubclass(kind, TellsTensor) or issubclass(kind, Tensor):  # nearly always
            continue
        rules = getattr(kind, "__torch_function__", None)
        if rules is not None:
            owner = getattr(rules, "__self__", None)  # GradientEdge has Variable's
            if not (isinstance(owner, type) and issubclass(owner, TellsTensor)):
                return True
    return False


def by_own_rules(
    function: type[Function],
    error: HasOwnRulesError,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """The call by torch's function, which asks the argument that raised ``error``."""
    declaration = function.declaration
    theirs = () if declaration is None else declaration.overrides[:1]
    for each in theirs:
        if isinstance(each, BuiltinFunctionType):  # written in C, it looks at each argument
            return each(*args, **kwargs)
    raise error


def as_torch_reads_it(
    function: type[Function], error: ArgumentError, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """A call that forward does not take, as torch's function or method does: ``x.add(alpha, y)``.

    torch's own reading of the arguments has older forms. What it computes then comes back here,
    by the primitives. Raises ``error`` where torch does not take the call either.
    """
    declaration, fall_back = function.declaration, resolver().fall_back
    if declaration is None or fall_back is None or not function.is_builtin():
        raise error
    if error.__class__ is ArgumentError:  # not of out=
        named = [f for f in declaration.overrides if not isinstance(f, OpOverload)][:1]
        methods = [getattr(Tensor, n, None) for n in declaration.methods[:1]]
        for theirs in filter(None, (*named, *methods)):
            with suppress(TypeError):
                return fall_back(theirs, *args, **kwargs)
    raise error


def refuse_for_a_tensor(
    error: AttributeError, function: type[Function], operands: Sequence[Any]
) -> None:
    """Raise ArgumentError if what lacks the attribute was given where forward takes a tensor.

    An array has some of a tensor's attributes: then what lacks the next one is a part of it.
    """
    op_name, names = function.signature.op_name, function.signature.positional
    wanted = function.forward.__annotations__
    for name, operand in zip(names, operands):  # noqa: B905 (forward may take any number)
        asked = operand is error.obj or wanted.get(name) == "Tensor"
        if asked and not isinstance(operand, Tensor | TellsTensor):
            raise ArgumentError(
                f"{op_name}(): argument {name!r} must be Tensor, not {type(operand).__name__}",
                where=f"a call of {op_name}",
                fix="make it a tensor: torch.as_tensor(value)",
            ) from error
