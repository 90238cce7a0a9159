"""Calls: the one way into an op, where it is recorded.

``make_gate`` gives each op a function ``apply``. Calls with one or two operands, which are
nearly all calls, take a short path made for their arity; all others take the general path,
which does the same for any arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.context import NUMBERS, ORIGIN_X, ORIGIN_Y, ORIGINS_XY, UntrackedContext
from plugrad.core.hooks import note
from plugrad.core.node import Record, grouped, origins
from plugrad.core.older_forms import (
    HasOwnRulesError,
    any_own_rules,
    as_torch_reads_it,
    by_own_rules,
    refuse_for_a_tensor,
)
from plugrad.core.own_vmap import with_own_vmap
from plugrad.core.record import (
    note_constant_tensors,
    note_constants,
    only_plain,
    record,
    record_any,
    untracked,
    without_graph,
)
from plugrad.core.twins import MISSING, make_twin
from plugrad.core.unpack import (
    PLAIN,
    any_foreign,
    distinct,
    flat,
    raw_option,
    unpack,
    with_numbers,
)
from plugrad.core.value_gate import value_gate
from plugrad.core.variable import Variable, plain
from plugrad.core.views import note_custom_view, note_views
from plugrad.errors import ArgumentError, PlugradError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.core.function import Function
    from plugrad.core.node import Edge

_is_grad_enabled = torch.is_grad_enabled


def make_gate(function: type[Function], operator: bool = False) -> Callable[..., Any]:
    """The ``apply`` of ``function``, by the number of operands it can be called with.

    As an ``operator`` (a method like ``__add__``) it returns NotImplemented for operands
    that forward does not take, so that Python asks the other operand's type.
    """
    signature, declaration = function.signature, function.declaration
    differentiable = declaration is None or declaration.differentiable
    general = _general_gate(function, differentiable)
    if operator:
        general = _or_not_implemented(function, general)
    gate = general
    short = not (function.takes_setup_context() or signature.variadic) and differentiable
    if short and not _notes_constants(function):
        gate = _unary_gate(function, general) if signature.fits(1) else general
        if function.is_value_and_slope:
            gate = value_gate(function, gate)
        if signature.fits(2):
            elementwise = declaration is not None and declaration.elementwise
            # Whether an operator may not take a number (@), the general gate finds out.
            numbers = frozenset() if operator and not elementwise else NUMBERS
            gate = _binary_gate(function, general, gate, numbers)
    if declaration is not None and declaration.view:
        gate = _view_gate(function, gate)
    return _mapped_gate(function, gate) if function.has_own_vmap() else gate


def _mapped_gate(function: type[Function], gate: Callable[..., Any]) -> Callable[..., Any]:
    signature = function.signature

    def positional(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        args, options = signature.bind(args, kwargs)
        if options:
            raise ArgumentError(
                f"{signature.op_name} has a vmap of its own, which is not given the keyword-only "
                f"arguments {', '.join(options)}",
                where=f"a call of {signature.op_name} inside vmap",
                fix="make them parameters of forward and of vmap that can be passed by position",
            )
        return signature.completed(args)

    return with_own_vmap(function, signature.op_name, gate, positional)


def _notes_constants(function: type[Function]) -> bool:
    """Whether its jvp is a user's, who expects zeros as the tangents of constant tensors."""
    several = function.signature.variadic or len(function.signature.positional) > 1
    return several and function.has_own_jvp() and not function.is_builtin()


# --- the short paths -----------------------------------------------------------------


# These three are in one piece: each call inside would cost 3 % of an op.
def _unary_gate(  # noqa: C901
    function: type[Function], general: Callable[..., Any]
) -> Callable[..., Any]:
    forward, foreign = function.forward, not function.is_builtin()
    others = len(function.signature.positional) - 1
    node_type = function.record_types[tuple(range(1, 1 + others))]
    no_flags, flags = (False,) * (1 + others), (True,) + (False,) * others
    no_edges = (None,) * others

    def apply(x: Any = MISSING, /, *rest: Any, **options: Any) -> Any:  # noqa: C901
        if rest or options or not isinstance(x, Variable):
            return general(*_given(x), *rest, **options)
        a = x._data
        edge = None
        if _is_grad_enabled():
            edge = x._edge
            if edge is None and x._requires_grad:
                edge = edge_of(x)
        if edge is None:
            context = UntrackedContext(no_flags)
            try:
                z = forward(context, a)
            except Exception as error:
                _say_where(error, function, (a,))
                raise
            if (
                z.__class__ is not Tensor
                or z is a
                or (foreign and (z.requires_grad or z._is_view()))
            ):
                z = without_graph(z) if foreign else z
                return untracked(context, z, (a,), (x,), function)
            return plain(z)
        node: Any = node_type()
        node._pg_saved = ()
        if others:
            node._pg_edges = (edge, *no_edges)
        else:
            node._pg_x = edge
        node.needs_input_grad = flags
        try:
            z = forward(node, a)
        except Exception as error:
            _say_where(error, function, (a,))
            raise
        attributes = node.__dict__
        if (
            z.__class__ is not Tensor
            or z is a
            or (attributes and not only_plain(attributes))
            or (foreign and (z.requires_grad or z._is_view()))
        ):
            z = without_graph(z) if foreign else z
            return record_any(node, z, (a,), (x,))
        saved = node._pg_saved
        if saved:
            if len(saved) == 1 and saved[0] is a:
                node._pg_origins = ORIGIN_X
            elif len(saved) == 1 and saved[0] is z:
                node._pg_origins = ORIGIN_Y
            else:
                node._pg_origins = origins(saved, (a,), (z,))
        return record(node, z)

    return apply


def _binary_gate(  # noqa: C901
    function: type[Function],
    general: Callable[..., Any],
    unary: Callable[..., Any],
    numbers: frozenset[type],
) -> Callable[..., Any]:
    forward, foreign = function.forward, not function.is_builtin()
    others = len(function.signature.positional) - 2
    options = tuple(range(2, 2 + others))
    both, x_only, y_only = [function.record_types[p + options] for p in ((), (1,), (0,))]
    flags_by_need = [
        [(first, second) + (False,) * others for second in (False, True)] for first in (False, True)
    ]
    no_edges = (None,) * others
    # The second parameter must be a number; the general gate turns the tensor into one.
    number = not foreign and 1 in function.signature.numbers

    def apply(  # noqa: C901
        x: Any = MISSING, y: Any = MISSING, /, *rest: Any, **options: Any
    ) -> Any:
        if y is MISSING:
            return (general if options else unary)(*_given(x), **options)
        if rest or options:
            return general(x, y, *rest, **options)
        a: Any
        b: Any
        x_edge: Edge | None = None
        y_edge: Edge | None = None
        node_type = both
        recording = _is_grad_enabled()
        if isinstance(x, Variable):
            a = x._data
            if recording:
                x_edge = x._edge
                if x_edge is None and x._requires_grad:
                    x_edge = edge_of(x)
        elif x.__class__ in numbers:
            a, node_type = x, y_only
        elif x.__class__ is Tensor and not x.requires_grad:
            a = x
        else:
            return general(x, y)
        if isinstance(y, Variable):
            if number:
                return general(x, y)
            b = y._data
            if recording:
                y_edge = y._edge
                if y_edge is None and y._requires_grad:
                    y_edge = edge_of(y)
        elif y.__class__ in numbers:
            b, node_type = y, x_only
        elif y.__class__ is Tensor and not (number or y.requires_grad):
            b = y
        else:
            return general(x, y)
        if x_edge is None and y_edge is None:
            if a is x and b is y:  # no Variable at all
                return general(x, y)
            context = UntrackedContext(flags_by_need[0][0])
            try:
                z = forward(context, a, b)
            except Exception as error:
                _say_where(error, function, (a, b))
                raise
            if (
                z.__class__ is not Tensor
                or z is a
                or z is b
                or (foreign and (z.requires_grad or z._is_view()))
            ):
                z = without_graph(z) if foreign else z
                return untracked(context, z, (a, b), (x, y), function)
            return plain(z)
        if a is b and x is not y:  # one tensor object of two operands: told apart from here on
            b = b.detach()
        node: Any = node_type()
        node._pg_saved = ()
        if others:
            node._pg_edges = (x_edge, y_edge, *no_edges)
        else:
            node._pg_x = x_edge
            node._pg_y = y_edge
        node.needs_input_grad = flags_by_need[x_edge is not None][y_edge is not None]
        try:
            z = forward(node, a, b)
        except Exception as error:
            _say_where(error, function, (a, b))
            raise
        attributes = node.__dict__
        if (
            z.__class__ is not Tensor
            or z is a
            or z is b
            or (attributes and not only_plain(attributes))
            or (foreign and (z.requires_grad or z._is_view()))
        ):
            z = without_graph(z) if foreign else z
            return record_any(node, z, (a, b), (x, y))
        saved = node._pg_saved
        if saved:
            if (
                len(saved) == 2
                and (saved[0] is a or saved[0] is None)
                and (saved[1] is b or saved[1] is None)
            ):
                node._pg_origins = ORIGINS_XY
            else:
                node._pg_origins = origins(saved, (a, b), (z,))
            if x_edge is None and a is not x:
                node._pg_constant_operand = ref(x)
            elif y_edge is None and b is not y:
                node._pg_constant_operand = ref(y)
        return record(node, z)

    return apply


def _view_gate(function: type[Function], gate: Callable[..., Any]) -> Callable[..., Any]:
    """``gate``, and a note of the outputs that are views of the first argument."""
    signature = function.signature

    def apply(*args: Any, **kwargs: Any) -> Any:
        output = gate(*args, **kwargs)
        if kwargs and not args:
            args, kwargs = signature.bind(args, kwargs)
        if args and isinstance(args[0], Variable):
            note_views(function, args, kwargs, output)
        elif isinstance(output, Variable):  # einsum's operands come after its equation
            note_custom_view(function, args, output)
        return output

    return apply


def _given(x: Any) -> tuple[Any, ...]:
    return () if x is MISSING else (x,)


def _or_not_implemented(
    function: type[Function], general: Callable[..., Any]
) -> Callable[..., Any]:
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


# --- the general path ----------------------------------------------------------------


def _general_gate(  # noqa: C901
    function: type[Function], differentiable: bool
) -> Callable[..., Any]:
    forward, signature = function.forward, function.signature
    op_name, after = signature.op_name, function.takes_setup_context()
    foreign, notes_constants = not function.is_builtin(), _notes_constants(function)
    numbers = not foreign and bool(signature.numbers)
    declared = function.declaration is not None and function.declaration.inplace
    twin = make_twin(function, f"{op_name.rpartition('.')[2]}_") if declared else None

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
            if notes_constants:
                note_constant_tensors(context, raw if lengths is None else flat(raw, lengths))
        else:
            context = UntrackedContext(signature.padded([False] * len(args), False))
        try:
            output = forward(*raw, **options) if after else forward(context, *raw, **options)
        except Exception as error:
            _say_where(error, function, raw)
            raise
        if foreign:
            output = without_graph(output)
        if after:
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
    if context._pg_saved:
        context._pg_origins = origins(context._pg_saved, raw, (output,), (), constants)
        note_constants(context, context._pg_origins, args)
    return record(context, output)


def _say_where(error: Exception, function: type[Function], operands: Sequence[Any]) -> None:
    """Add to an error from torch, or from forward itself, which call raised it."""
    if isinstance(error, PlugradError) or getattr(
        error, "_pg_noted", not hasattr(error, "add_note")
    ):
        return
    name = function.signature.op_name
    names = function.signature.positional
    if isinstance(error, AttributeError) and function.is_builtin():
        refuse_for_a_tensor(error, name, names, operands)
    error._pg_noted = True  # type: ignore[attr-defined]  # by the innermost op
    given = [f"{n} = {_shown(v)}" for n, v in zip(names, operands)] or map(_shown, operands)  # noqa: B905
    shown = ", ".join(given)
    note(error, f"  where: a call of {name}{shown and f' with {shown}'}")
    note(error, f"  fix: pass what it takes, which `plugrad show {name}` describes")


def _shown(operand: Any) -> str:
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
    node._pg_saved = ()
    return node
