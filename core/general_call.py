"""General calls: any number of operands of any kind, in lists and by keyword; and their errors.

The short paths of ``call`` do the same for one or two operands, which are nearly all calls.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.context import UntrackedContext, transform_depth
from plugrad.core.held import only_plain
from plugrad.core.hooked import alias_of
from plugrad.core.hooks import note
from plugrad.core.node import Record, grouped, origins
from plugrad.core.older_forms import (
    HasOwnRulesError,
    any_own_rules,
    as_torch_reads_it,
    by_own_rules,
    refuse_for_a_tensor,
)
from plugrad.core.record import (
    like,
    note_constant_tensors,
    note_constants,
    record,
    record_any,
    untracked,
    without_graph,
)
from plugrad.core.twins import make_twin
from plugrad.core.unpack import (
    PLAIN,
    any_foreign,
    distinct,
    flat,
    raw_option,
    unpack,
    with_numbers,
)
from plugrad.core.variable import Variable
from plugrad.errors import ArgumentError, PlugradError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from plugrad.core.function import Function
    from plugrad.core.node import Edge

_is_grad_enabled = torch.is_grad_enabled


def or_not_implemented(function: type[Function], general: Callable[..., Any]) -> Callable[..., Any]:
    """An operator's ``apply``: NotImplemented for operands that forward does not take."""
    op_name = function.signature.op_name

    def apply(*operands: Any) -> Any:
        # Not left to torch, whose operators would hand the bare tensor to a foreign
        # operand.
        if any_foreign(operands, op_name) and not any_own_rules(map(type, operands)):
            return NotImplemented
        try:
            return general(*operands)
        except TypeError as error:
            if isinstance(error, PlugradError):
                raise
            return NotImplemented

    return apply


def general_gate(  # noqa: C901
    function: type[Function], differentiable: bool
) -> Callable[..., Any]:
    """The ``apply`` of ``function`` for any arguments."""
    forward, signature = function.forward, function.signature
    op_name, after = signature.op_name, function.takes_setup_context()
    foreign, keeps_constants = not function.is_builtin(), notes_constants(function)
    numbers = not foreign and bool(signature.numbers)
    declared = function.declaration is not None and function.declaration.inplace
    twin = make_twin(function, f"{op_name.rpartition('.')[2]}_") if declared else None
    asks = asks_torch(function)

    def apply(*args: Any, **kwargs: Any) -> Any:  # noqa: C901
        options: dict[str, Any] = {}
        if twin is not None and kwargs.pop("inplace", False):
            return twin(*args, **kwargs)
        if kwargs or not signature.fits(len(args)):
            try:
                args, options = signature.bind(args, kwargs)
            except ArgumentError as error:
                return as_torch_reads_it(function, error, args, kwargs)
            options = {name: raw_option(name, v, op_name) for name, v in options.items()}
        if numbers:
            args = with_numbers(args, signature)
        if after:  # setup_context is given forward's defaults, too
            args = signature.completed(args)
        recording = differentiable and _is_grad_enabled()
        try:
            raw, edges, lengths, any_variable = unpack(args, op_name, recording, not foreign)
        except HasOwnRulesError as error:
            return by_own_rules(function, error, args, options)
        tracked = recording and edges.count(None) < len(edges)
        if tracked:
            distinct(raw, args, lengths)
            context: Any = _node(function, raw, edges, lengths)
            if keeps_constants:
                note_constant_tensors(context, raw if lengths is None else flat(raw, lengths))
        else:
            context = UntrackedContext(signature.padded([False] * len(args), False))
        try:
            if asks:
                output = _as_in_torch(function, context, raw, args, options)
            else:
                output = forward(*raw, **options) if after else forward(context, *raw, **options)
        except Exception as error:
            say_where(error, function, raw)
            raise
        if foreign:
            output = without_graph(output)
        if after and not asks:
            function.setup_context(context, tuple(raw), output)
        if tracked and output.__class__ is Tensor:
            variable = _recorded_simply(context, output, raw, args, foreign)
            if variable is not None:
                return variable
        tensors = raw if lengths is None else flat(raw, lengths)
        operands = args if lengths is None else flat(args, lengths)
        if tracked:
            return record_any(context, output, tensors, operands)
        if not any_variable:
            return output
        return untracked(context, output, tensors, operands, function)

    return apply


#: What a forward may ask torch's autograd, by name.
_ASKED = {"requires_grad", "is_grad_enabled"}


def asks_torch(function: type[Function]) -> bool:
    """Whether a user's forward asks which of its tensors require grad, or for the grad mode.

    Or a function of the same package does that it names. Then it is told what torch would say;
    to do so in every call would cost as much as an op.
    """
    if function.is_builtin():
        return False
    found, package = [function.forward, function.setup_context], _package(function)
    for each in found:  # which grows
        code, scope = _code_and_scope(each)
        names = _names_in(code)
        if not _ASKED.isdisjoint(names):
            return True
        for helper in _named(names, function, scope):
            if _package(helper) == package and helper not in found:
                found.append(helper)
    return False


def _code_and_scope(function: Any) -> tuple[CodeType | None, dict[str, Any]]:
    """The code of a Python function, and what the names in it stand for."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return None, {}
    scope = dict(function.__globals__)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # it has no value yet
            scope[name] = cell.cell_contents
    return code, scope


def _package(value: Any) -> str:
    return str(getattr(value, "__module__", None)).partition(".")[0]


def _names_in(code: CodeType | None) -> set[str]:
    """The variables of others and the attributes that a function names, and those inside it."""
    names = set() if code is None else {*code.co_names, *code.co_freevars}
    for constant in () if code is None else code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names_in(constant)
    return names


def _named(names: set[str], function: type[Function], scope: dict[str, Any]) -> Iterator[Any]:
    """The Python functions that these names may be: in the module, in modules, in the class."""
    values = [scope[name] for name in names & scope.keys()]
    for module in [value for value in values if isinstance(value, ModuleType)]:
        values += [vars(module).get(name) for name in names]  # getattr may import more
    values += [getattr(function, name, None) for name in names]
    for value in values:
        if isinstance(value, FunctionType):
            yield value


def _as_in_torch(
    function: type[Function],
    context: Any,
    raw: list[Any],
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> Any:
    """What forward returns in no_grad, given tensors that say whether they require grad."""
    shown = raw
    if not transform_depth():  # inside torch.vmap no tensor may require grad
        shown = [
            alias_of(a, t).requires_grad_() if isinstance(a, Variable) and a.requires_grad else t
            for t, a in zip(raw, args, strict=True)
        ]
    with torch.no_grad():
        if function.takes_setup_context():
            output = function.forward(*shown, **options)
            function.setup_context(context, tuple(shown), output)
        else:
            output = function.forward(context, *shown, **options)
    back = {id(s): t for s, t in zip(shown, raw, strict=True)}
    for name in ("_pg_saved", "_pg_dirty", "_pg_constants", "_pg_for_jvp"):
        held = getattr(context, name, None)
        if held.__class__ is tuple:
            setattr(context, name, tuple([back.get(id(t), t) for t in held]))
    return _taken_back(output, back)


def _taken_back(output: Any, back: dict[int, Any]) -> Any:
    if isinstance(output, tuple | list):
        return like(output, [_taken_back(each, back) for each in output])
    return back.get(id(output), output)


def _recorded_simply(
    context: Record, output: Tensor, raw: list[Any], args: tuple[Any, ...], foreign: bool
) -> Variable | None:
    """The result of a call that needs only ``record``, as on the short paths; else None."""
    attributes = context.__dict__
    constants = attributes.pop("_pg_constants", ())  # of what it saved, as a rule
    if (
        _among(output, raw)
        or (constants and _among(output, constants))
        or (attributes and not only_plain(attributes))
        or context._pg_list_lengths is not None
        or (foreign and output._is_view())
    ):
        if constants:
            context._pg_constants = constants
        return None
    if context._pg_kept:
        context._pg_origins = origins(context._pg_saved or (), raw, (output,), (), constants)
        note_constants(context, context._pg_origins, args)
    return record(context, output)


def say_where(error: Exception, function: type[Function], operands: Sequence[Any]) -> None:
    """Add to an error from torch, or from forward itself, which call raised it."""
    if _says_already(error):
        return
    name = function.signature.op_name
    names = function.signature.positional
    if isinstance(error, AttributeError) and function.is_builtin():
        refuse_for_a_tensor(error, function, operands)
    given = [f"{n} = {_shown(v)}" for n, v in zip(names, operands)] or map(_shown, operands)  # noqa: B905
    _say(error, name, ", ".join(given), f"`plugrad show {name}`")


def say_where_in_torch(
    error: Exception, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Add to an error from a torch function that no op stands for, which call raised it."""
    if not _says_already(error):
        given = [*map(_shown, args), *[f"{n} = {_shown(v)}" for n, v in kwargs.items()]]
        _say(error, name, ", ".join(given), f"help({name})")


def _says_already(error: Exception) -> bool:
    noted: bool = getattr(error, "_pg_noted", not hasattr(error, "add_note"))
    return noted or isinstance(error, PlugradError)


def _say(error: Exception, name: str, shown: str, described: str) -> None:
    error._pg_noted = True  # type: ignore[attr-defined]  # by the innermost op
    note(error, f"  where: a call of {name}{shown and f' with {shown}'}")
    note(error, f"  fix: pass what it takes, which {described} describes")


def _shown(operand: Any) -> str:
    if isinstance(operand, Variable):
        operand = operand._data
    if isinstance(operand, Tensor):
        return f"{str(operand.dtype).removeprefix('torch.')}{list(operand.shape)}"
    if isinstance(operand, list | tuple):
        shown = ", ".join(map(_shown, operand[:3]))
        return f"[{shown}{', ...' if len(operand) > 3 else ''}]"
    text = repr(operand)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _among(tensor: Tensor, tensors: Sequence[Any]) -> bool:
    for each in tensors:  # noqa: SIM110 (any() would make a generator in each call)
        if each is tensor:
            return True
    return False


def _node(
    function: type[Function],
    raw: list[Any],
    edges: list[Edge | None],
    lengths: list[Any] | None,
) -> Record:
    """A record with these edges."""
    padded = function.signature.padded
    flags = [edge is not None for edge in edges]
    if lengths is None:
        kinds = function.record_types
        if kinds.several:
            node = kinds[tuple([i for i, v in enumerate(raw) if v.__class__ in PLAIN])]()
        else:
            node = function.record_type()
        node.needs_input_grad = padded(flags, False)
        node._pg_edges = padded(edges, None)
    else:
        node = function.record_type_of_lists()()
        node.needs_input_grad = padded(grouped(flags, lengths), False)
        missing = len(node.needs_input_grad) - len(lengths)
        node._pg_edges = (*edges, *(None,) * missing)
        node._pg_list_lengths = (*lengths, *(None,) * missing)
        node._pg_special = True
    node._pg_kept = ()
    return node


def notes_constants(function: type[Function]) -> bool:
    """Whether its jvp is a user's, who expects zeros as the tangents of constant tensors."""
    several = function.signature.variadic or len(function.signature.positional) > 1
    return several and function.has_own_jvp() and not function.is_builtin()
