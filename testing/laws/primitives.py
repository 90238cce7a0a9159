"""Primitives: an op that names an aten overload is called as torch's dispatcher calls that."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from plugrad.testing.agree import tolerance
from plugrad.testing.call import flat
from plugrad.testing.case import cases
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.forward import compare_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.testing.case import Case
    from plugrad.testing.op_under_test import OpUnderTest


@LAWS.law("primitive", "registration", whole_op=True, engines=("plugrad",))
def primitive(op: OpUnderTest) -> None:
    """An op that names an aten overload takes what torch's dispatcher passes to that overload.

    Inside a torch function without an op, the engine calls the op as the dispatcher calls
    the overload: positional arguments by position, without those at the end that have their
    defaults, and keyword-only ones by name. So forward has the schema's arguments, in the
    schema's order, under its names or aliases, with its defaults; any further argument of
    forward has a default. On every sample that the schema can express, both give the same
    result, and there is at least one such sample.
    """
    overloads = [o for o in op.declaration.overrides if isinstance(o, OpOverload)]
    if not overloads:
        raise NotApplicable("the op does not name an aten overload in overrides=")
    for overload in overloads:
        problem = _misfit(op, overload._schema)
        if problem:
            raise Violation(
                f"{overload} does not fit: {problem}. Its schema is {overload._schema}: leave it "
                "out of overrides=, and write a small op with that signature"
            )
        if not sum(_agrees(case, overload) for case in cases(op)):
            raise Violation(
                f"no sample is a call of {overload}: add one that its schema can express, "
                f"{overload._schema}"
            )


# --- the signature ---------------------------------------------------------------------


def _misfit(op: OpUnderTest, schema: Any) -> str:
    """What is wrong with forward's parameters for a schema; empty if nothing is."""
    signature, defaults = op.signature, _defaults(op)
    names, used = signature.positional, set()
    positional, keywords = _arguments(schema)
    for place, argument in enumerate(positional):
        parameter = signature.known(argument.name)
        used.add(parameter)
        if place < len(names):
            if parameter != names[place]:
                return f"argument {place} is {argument.name!r}, but forward's is {names[place]!r}"
        elif not (signature.variadic and parameter in signature.keyword_only):
            return f"forward does not take {argument.name!r} by position"
    for argument in keywords:
        parameter = signature.known(argument.name)
        used.add(parameter)
        if parameter not in names and parameter not in signature.keyword_only:
            return f"forward does not take {argument.name!r}"
    for argument in (*positional, *keywords):
        parameter = signature.known(argument.name)
        if argument.has_default_value() and not _is_default(argument, defaults.get(parameter, _NO)):
            said = f"{parameter}={defaults[parameter]!r}" if parameter in defaults else "none"
            return f"the default is {argument.name}={argument.default_value!r}, in forward {said}"
    for parameter in (*names, *signature.keyword_only):
        if parameter not in used and parameter not in defaults:
            return f"it does not have the argument {parameter!r}, for which forward has no default"
    return ""


def _arguments(schema: Any) -> tuple[list[Any], list[Any]]:
    """A schema's arguments: the positional and the keyword-only ones."""
    every = schema.arguments
    return [a for a in every if not a.kwarg_only], [a for a in every if a.kwarg_only]


_NO = object()
#: The defaults of torch's Python functions, by those of its schemas.
_ALIKE = [(None, torch.preserve_format), (0, torch.contiguous_format), ("valid", 0)]


def _defaults(op: OpUnderTest) -> dict[str, Any]:
    parameters = inspect.signature(op.function.forward).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _is_default(argument: Any, value: Any) -> bool:
    """Whether a value is the default of a schema's argument, or says the same."""
    default = argument.default_value
    if isinstance(value, Tensor) or value is _NO:
        return False
    if isinstance(value, list | tuple):
        return list(value) == (default or [])
    if isinstance(default, list):  # a schema may write a number for a list of it: padding=0
        return all(each == value for each in default) if default else value is None
    if argument.name == "pin_memory" and default is None and value is False:
        return True
    return bool(default == value) or any(
        default == in_schema and value is in_python for in_schema, in_python in _ALIKE
    )


# --- the values ------------------------------------------------------------------------


def _agrees(case: Case, overload: OpOverload) -> bool:
    """Whether the sample is a call of the overload; raise Violation if that gives another result.

    Both get what the dispatcher would pass.
    """
    call = _dispatched(case, overload._schema)
    if call is None:
        return False
    args, kwargs = call
    try:
        with torch.no_grad(), case.random_numbers():
            expected = flat(overload(*args, **kwargs))
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
        return False
    where = f"sample {case.index}: called as the dispatcher calls {overload}, the op"
    args, kwargs = _dispatched(case, overload._schema) or call
    try:
        with torch.no_grad(), case.random_numbers():
            outputs = [case.op.engine.raw(o) for o in flat(case.op.apply(*args, **kwargs))]
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise Violation(f"{where} raises {type(error).__name__}: {first}") from error
    dtypes = [t.dtype for t in (*case.values, *outputs) if isinstance(t, Tensor)]
    allowed = tolerance(torch.float64, *dtypes)
    compare_outputs(expected, outputs, allowed, f"{where} gives another result")
    return True


def _dispatched(case: Case, schema: Any) -> tuple[list[Any], dict[str, Any]] | None:
    """The arguments of the sample as the dispatcher would pass them; None if it cannot."""
    positional, keywords = _arguments(schema)
    given = _given(case, positional)
    if given is None:
        return None
    values: dict[str, Any] = {}
    for argument in (*positional, *keywords):
        parameter = case.op.signature.known(argument.name)
        value = given.pop(
            parameter, argument.default_value if argument.has_default_value() else _NO
        )
        if value is _NO:
            value = _defaults(case.op).get(parameter, _NO)
        if value is _NO or not _is_of_type(value, str(argument.real_type)):
            return None
        values[argument.name] = value
    defaults = _defaults(case.op)
    if any(not _is_same(value, defaults.get(name, _NO)) for name, value in given.items()):
        return None  # it says something that the schema has no argument for
    while positional and _is_left_out(positional[-1], values):
        positional.pop()
    kwargs = {a.name: values[a.name] for a in keywords if not _is_left_out(a, values)}
    return [values[a.name] for a in positional], kwargs


def _is_left_out(argument: Any, values: dict[str, Any]) -> bool:
    return bool(argument.has_default_value()) and _is_default(argument, values[argument.name])


def _given(case: Case, positional: Sequence[Any]) -> dict[str, Any] | None:
    """The sample's values by the parameter; what ``*sizes`` got by the schema's argument for it."""
    signature = case.op.signature
    args, kwargs = case.arguments(case.values)
    bound, given = signature.bind(args, kwargs)
    names = signature.positional
    given = {**given, **dict(zip(names, bound, strict=False))}
    apart = bound[len(names) :]
    if not apart:
        return given
    wanted = positional[len(names) :]
    if len(wanted) == 1 and "List[" in str(wanted[0].real_type):
        sequence = len(apart) == 1 and isinstance(apart[0], list | tuple)
        apart = (apart[0] if sequence else list(apart),)
    if len(wanted) != len(apart):
        return None
    names = tuple(signature.known(argument.name) for argument in wanted)
    return {**given, **dict(zip(names, apart, strict=True))}


def _is_same(value: Any, default: Any) -> bool:
    if isinstance(value, Tensor):
        return False
    return type(value) is type(default) and bool(value == default)


#: For these torch accepts any number, and crashes if it is not a legal one.
_ENUMERATIONS = {
    "ScalarType": torch.dtype, "Layout": torch.layout, "MemoryFormat": torch.memory_format,
}  # fmt: skip


def _is_of_type(value: Any, kind: str) -> bool:
    """Whether a schema takes such a value: torch itself converts much, and refuses the rest."""
    if kind.startswith("Optional[") and value is None:
        return True
    for name, enumeration in _ENUMERATIONS.items():
        if name in kind:
            return isinstance(value, enumeration)
    parts = list(_parts(value))
    if "Tensor" not in kind:
        refused = (Tensor, bool) if "Int" in kind or "int" in kind else Tensor
        return not any(isinstance(part, refused) for part in parts)
    if isinstance(value, list | tuple) is not ("List[" in kind):
        return False
    return all(isinstance(p, Tensor) or (p is None and "Optional[Tensor]" in kind) for p in parts)


def _parts(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list | tuple) else (value,)
