"""The gate: the one way into an op, where a call is recorded.

``make_gate`` gives each op a function ``apply``. Calls with one or two operands, nearly
all calls there are, take a short path made for their arity; all others take the general
one, which does the same for any arguments.
"""

from __future__ import annotations

from numbers import Number
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import gradient_edge
from plugrad.core.context import NUMBERS, UntrackedContext
from plugrad.core.node import Node, grouped
from plugrad.core.record import record, record_any, untracked
from plugrad.core.unpack import flat, raw_option, unpack
from plugrad.core.variable import Variable
from plugrad.errors import PlugradError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.function import Function
    from plugrad.core.node import Edge

_MISSING: Any = object()
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
        general = _or_not_implemented(general)
    if function.takes_setup_context() or signature.variadic or not differentiable:
        return general
    unary = _unary_gate(function, general) if signature.fits(1) else general
    return _binary_gate(function, general, unary) if signature.fits(2) else unary


# --- the short paths -----------------------------------------------------------------


def _unary_gate(function: type[Function], general: Callable[..., Any]) -> Callable[..., Any]:
    forward, node_type = function.forward, function.node_type

    def apply(x: Any = _MISSING, /, *rest: Any, **options: Any) -> Any:
        if rest or options or not isinstance(x, Variable):
            return general(*_given(x), *rest, **options)
        a = x._data
        if not (x._requires_grad and _is_grad_enabled()):
            return untracked(forward(UntrackedContext(1), a))
        node = node_type()
        node._saved = ()
        source = x._grad_fn
        node._edges = ((source, x._output_nr) if source is not None else gradient_edge(x),)
        node.needs_input_grad = (True,)
        z = forward(node, a)
        if z.__class__ is not Tensor or z is a or node.__dict__:
            return record_any(node, z, (a,), (x,))
        if node._saved:
            node._ids = id(a), id(z)
        return record(node, z)

    return apply


# In one piece, since each call inside would cost 3 % of an op.
def _binary_gate(  # noqa: C901
    function: type[Function], general: Callable[..., Any], unary: Callable[..., Any]
) -> Callable[..., Any]:
    forward, node_type = function.forward, function.node_type

    def apply(  # noqa: C901
        x: Any = _MISSING, y: Any = _MISSING, /, *rest: Any, **options: Any
    ) -> Any:
        if rest or options:
            return general(*_given(x, y), *rest, **options)
        if y is _MISSING:
            return unary(*_given(x))
        a: Any
        b: Any
        x_needs = y_needs = False
        if isinstance(x, Variable):
            a, x_needs = x._data, x._requires_grad
        elif x.__class__ in NUMBERS or (x.__class__ is Tensor and not x.requires_grad):
            a = x
        else:
            return general(x, y)
        if isinstance(y, Variable):
            b, y_needs = y._data, y._requires_grad
        elif y.__class__ in NUMBERS or (y.__class__ is Tensor and not y.requires_grad):
            b = y
        else:
            return general(x, y)
        if not ((x_needs or y_needs) and _is_grad_enabled()):
            if a is x and b is y:  # no Variable at all
                return general(x, y)
            return untracked(forward(UntrackedContext(2), a, b))
        node = node_type()
        node._saved = ()
        x_edge = y_edge = None
        if x_needs:
            source = x._grad_fn
            x_edge = (source, x._output_nr) if source is not None else gradient_edge(x)
        if y_needs:
            source = y._grad_fn
            y_edge = (source, y._output_nr) if source is not None else gradient_edge(y)
        node._edges = x_edge, y_edge
        node.needs_input_grad = (x_needs, y_needs)
        z = forward(node, a, b)
        if z.__class__ is not Tensor or z is a or z is b or node.__dict__:
            return record_any(node, z, (a, b), (x, y))
        if node._saved:
            node._ids = id(a), id(b), id(z)
        return record(node, z)

    return apply


def _given(*values: Any) -> tuple[Any, ...]:
    return tuple(v for v in values if v is not _MISSING)


def _or_not_implemented(general: Callable[..., Any]) -> Callable[..., Any]:
    def apply(*operands: Any) -> Any:
        # Not left to torch: its operators would hand the bare tensor to a foreign operand.
        if not all(isinstance(v, Variable | Tensor | Number) for v in operands):
            return NotImplemented
        try:
            return general(*operands)
        except TypeError as error:
            if isinstance(error, PlugradError):
                raise
            return NotImplemented

    return apply


# --- the general path ----------------------------------------------------------------


def _general_gate(function: type[Function], differentiable: bool) -> Callable[..., Any]:
    forward, node_type = function.forward, function.node_type
    signature, op_name = function.signature, function.signature.op_name
    after = function.takes_setup_context()

    def apply(*args: Any, **kwargs: Any) -> Any:
        options: dict[str, Any] = {}
        if kwargs or not signature.fits(len(args)):
            args, options = signature.bind(args, kwargs)
            options = {name: raw_option(name, v, op_name) for name, v in options.items()}
        recording = differentiable and _is_grad_enabled()
        raw, edges, lengths, any_variable = unpack(args, op_name, recording)
        tracked = recording and any(edges)
        context = _node(node_type, edges, lengths) if tracked else UntrackedContext(len(args))
        output = forward(*raw, **options) if after else forward(context, *raw, **options)
        if after:
            function.setup_context(context, tuple(raw), output)
        if not isinstance(context, Node):
            return untracked(output) if any_variable else output
        tensors = raw if lengths is None else flat(raw, lengths)
        operands = args if lengths is None else flat(args, lengths)
        return record_any(context, output, tensors, operands)

    return apply


def _node(node_type: type[Node], edges: list[Edge], lengths: list[int | None] | None) -> Node:
    """A node with these edges."""
    node = node_type()
    node._saved = ()
    node._edges = tuple(edges)
    if lengths is None:
        node.needs_input_grad = tuple([edge is not None for edge in edges])
    else:
        node._list_lengths = tuple(lengths)
        node.needs_input_grad = tuple(grouped([edge is not None for edge in edges], lengths))
    return node
