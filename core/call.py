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
from plugrad.core.ctx_uses import leaves_no_tensor
from plugrad.core.general_call import (
    asks_torch,
    general_gate,
    notes_constants,
    or_not_implemented,
    say_where,
)
from plugrad.core.held import only_plain
from plugrad.core.node import origins
from plugrad.core.own_vmap import with_own_vmap
from plugrad.core.record import record, record_any, untracked, without_graph
from plugrad.core.twins import MISSING
from plugrad.core.value_gate import value_gate
from plugrad.core.variable import Variable, plain
from plugrad.core.views import note_custom_view, note_views
from plugrad.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

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
    general = general_gate(function, differentiable)
    if operator:
        general = or_not_implemented(function, general)
    gate = general
    short = not (function.takes_setup_context() or signature.variadic) and differentiable
    if short and not (notes_constants(function) or asks_torch(function)):
        gate = _unary_gate(function, general) if signature.fits(1) else general
        if function.is_value_and_slope():
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


# --- the short paths -----------------------------------------------------------------


# These three are in one piece: each call inside would cost 3 % of an op.
def _unary_gate(  # noqa: C901
    function: type[Function], general: Callable[..., Any]
) -> Callable[..., Any]:
    forward, foreign = function.forward, not function.is_builtin()
    others = len(function.signature.positional) - 1
    node_type = function.record_types[tuple(range(1, 1 + others))]
    looks = not leaves_no_tensor(forward, not foreign)
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
                say_where(error, function, (a,))
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
        node._pg_kept = ()
        if others:
            node._pg_edges = (edge, *no_edges)
        else:
            node._pg_x = edge
        node.needs_input_grad = flags
        try:
            z = forward(node, a)
        except Exception as error:
            say_where(error, function, (a,))
            raise
        attributes = node.__dict__ if looks else None
        if (
            z.__class__ is not Tensor
            or z is a
            or (attributes and not only_plain(attributes))
            or (foreign and (z.requires_grad or z._is_view()))
        ):
            z = without_graph(z) if foreign else z
            return record_any(node, z, (a,), (x,))
        kept = node._pg_kept
        if kept:
            if kept == 1 and node._pg_first is a:
                node._pg_origins = ORIGIN_X
            elif kept == 1 and node._pg_first is z:
                node._pg_origins = ORIGIN_Y
            else:
                node._pg_origins = origins(node._pg_saved, (a,), (z,))
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
    looks = not leaves_no_tensor(forward, not foreign)
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
                say_where(error, function, (a, b))
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
        node._pg_kept = ()
        if others:
            node._pg_edges = (x_edge, y_edge, *no_edges)
        else:
            node._pg_x = x_edge
            node._pg_y = y_edge
        node.needs_input_grad = flags_by_need[x_edge is not None][y_edge is not None]
        try:
            z = forward(node, a, b)
        except Exception as error:
            say_where(error, function, (a, b))
            raise
        attributes = node.__dict__ if looks else None
        if (
            z.__class__ is not Tensor
            or z is a
            or z is b
            or (attributes and not only_plain(attributes))
            or (foreign and (z.requires_grad or z._is_view()))
        ):
            z = without_graph(z) if foreign else z
            return record_any(node, z, (a, b), (x, y))
        kept = node._pg_kept
        if kept:
            if (
                kept == 2
                and ((first := node._pg_first) is a or first is None)
                and ((second := node._pg_second) is b or second is None)
            ):
                node._pg_origins = ORIGINS_XY
            else:
                node._pg_origins = origins(node._pg_saved, (a, b), (z,))
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
