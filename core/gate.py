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
from plugrad.core.context import UntrackedContext
from plugrad.core.node import Node, OutputMeta, grouped, next_sequence_number
from plugrad.core.variable import Variable, recorded
from plugrad.errors import (
    ContextError,
    HiddenVariableError,
    InplaceError,
    PlugradError,
    TorchGraphError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from plugrad.core.function import Function
    from plugrad.core.node import Edge

_MISSING: Any = object()
_NUMBERS = frozenset({int, float, bool, complex})
# Types that hold neither a tensor nor a Variable.
_PLAIN = _NUMBERS | {str, type(None), slice, torch.Size, torch.dtype, torch.device}
_is_grad_enabled = torch.is_grad_enabled
_new = object.__new__


def make_gate(function: type[Function], operator: bool = False) -> Callable[..., Any]:
    """The ``apply`` of ``function``, by the number of operands it can be called with.

    As an ``operator`` (a method like ``__add__``) it returns NotImplemented for operands
    that forward does not take, so that Python asks the other operand's type.
    """
    general = _general_gate(function)
    if operator:
        general = _or_not_implemented(general)
    signature, declaration = function.signature, function.declaration
    differentiable = declaration is None or declaration.differentiable
    if function.takes_setup_context() or signature.variadic or not differentiable:
        return general
    if len(signature.positional) > 1 and not signature.missing_after(2):
        one_will_do = not signature.missing_after(1)
        unary = _unary_gate(function, general) if one_will_do else general
        return _binary_gate(function, general, unary)
    if signature.positional and not signature.missing_after(1):
        return _unary_gate(function, general)
    return general


# --- the short paths -----------------------------------------------------------------


def _unary_gate(function: type[Function], general: Callable[..., Any]) -> Callable[..., Any]:
    forward, node_type = function.forward, function.node_type

    def apply(x: Any = _MISSING, /, *rest: Any, **options: Any) -> Any:
        if rest or options or not isinstance(x, Variable):
            return general(*_given(x), *rest, **options)
        a = x._data
        if not (x._requires_grad and _is_grad_enabled()):
            return _untracked(forward(UntrackedContext(1), a))
        node = node_type()
        node._saved = ()
        source = x._grad_fn
        node.edges = ((source, x._output_nr) if source is not None else gradient_edge(x),)
        node.needs_input_grad = (True,)
        z = forward(node, a)
        if z.__class__ is not Tensor or node.__dict__:
            return _record_any(node, z, (a,), (x,))
        if node._saved:
            node._ids = id(a), id(z)
        return _record(node, z)

    return apply


def _binary_gate(
    function: type[Function], general: Callable[..., Any], unary: Callable[..., Any]
) -> Callable[..., Any]:
    forward, node_type = function.forward, function.node_type

    def apply(x: Any = _MISSING, y: Any = _MISSING, /, *rest: Any, **options: Any) -> Any:
        if rest or options:
            return general(*_given(x, y), *rest, **options)
        if y is _MISSING:
            return unary(*_given(x))
        a: Any
        b: Any
        x_needs = y_needs = False
        if isinstance(x, Variable):
            a, x_needs = x._data, x._requires_grad
        elif x.__class__ in _NUMBERS:
            a = x
        else:
            return general(x, y)
        if isinstance(y, Variable):
            b, y_needs = y._data, y._requires_grad
        elif y.__class__ in _NUMBERS:
            b = y
        else:
            return general(x, y)
        if not ((x_needs or y_needs) and _is_grad_enabled()):
            return _untracked(forward(UntrackedContext(2), a, b))
        node = node_type()
        node._saved = ()
        x_edge = y_edge = None
        if x_needs:
            source = x._grad_fn
            x_edge = (source, x._output_nr) if source is not None else gradient_edge(x)
        if y_needs:
            source = y._grad_fn
            y_edge = (source, y._output_nr) if source is not None else gradient_edge(y)
        node.edges = x_edge, y_edge
        node.needs_input_grad = (x_needs, y_needs)
        z = forward(node, a, b)
        if z.__class__ is not Tensor or node.__dict__:
            return _record_any(node, z, (a, b), (x, y))
        if node._saved:
            node._ids = id(a), id(b), id(z)
        return _record(node, z)

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


def _general_gate(function: type[Function]) -> Callable[..., Any]:
    forward, node_type = function.forward, function.node_type
    signature, op_name = function.signature, function.signature.op_name
    after, declaration = function.takes_setup_context(), function.declaration
    differentiable = declaration is None or declaration.differentiable

    def apply(*args: Any, **kwargs: Any) -> Any:
        options: dict[str, Any] = {}
        if kwargs or not signature.fits(len(args)):
            args, options = signature.bind(args, kwargs)
            options = {name: _raw_option(name, v, op_name) for name, v in options.items()}
        recording = differentiable and _is_grad_enabled()
        raw, edges, lengths, any_variable = _unpack(args, op_name, recording)
        tracked = recording and any(edges)
        context = _node(node_type, edges, lengths) if tracked else UntrackedContext(len(args))
        output = forward(*raw, **options) if after else forward(context, *raw, **options)
        if after:
            function.setup_context(context, tuple(raw), output)
        if not isinstance(context, Node):
            return _untracked(output) if any_variable else output
        flat = raw if lengths is None else _flat(raw, lengths)
        if output.__class__ is not Tensor or context.__dict__:
            operands = args if lengths is None else _flat(args, lengths)
            return _record_any(context, output, flat, operands)
        if context._saved:
            context._ids = (*map(id, flat), id(output))
        return _record(context, output)

    return apply


def _unpack(
    args: tuple[Any, ...], op_name: str, recording: bool
) -> tuple[list[Any], list[Edge], list[int | None] | None, bool]:
    """The arguments with tensors for Variables, and the edges that lead from them.

    An argument that is a list of tensors has an edge for each, and its length is given;
    last comes whether there was a Variable at all.
    """
    raw: list[Any] = []
    edges: list[Edge] = []
    lengths: list[int | None] | None = None
    any_variable = False
    for position, arg in enumerate(args):
        if isinstance(arg, Variable):
            any_variable = True
            raw.append(arg._data)
            edges.append(gradient_edge(arg) if recording else None)
        elif arg.__class__ in _PLAIN:
            raw.append(arg)
            edges.append(None)
        else:
            raw.append(_raw(arg, op_name))
            sequence = arg.__class__ is list or arg.__class__ is tuple
            any_variable = any_variable or (sequence and _any_variable(arg))
            if sequence and any(isinstance(v, Variable | Tensor) for v in arg):
                lengths = lengths or [None] * len(args)
                lengths[position] = len(arg)
                edges += [
                    gradient_edge(v) if recording and isinstance(v, Variable) else None
                    for v in arg
                ]
            else:
                edges.append(None)
    return raw, edges, lengths, any_variable


def _flat(args: Sequence[Any], lengths: Sequence[int | None]) -> list[Any]:
    """One entry per edge: lists of tensors opened up."""
    flat: list[Any] = []
    for arg, length in zip(args, lengths, strict=True):
        flat += [arg] if length is None else arg
    return flat


def _raw(value: Any, op_name: str, depth: int = 0) -> Any:
    """``value`` with every Variable in it replaced by its tensor."""
    if isinstance(value, Variable):
        if depth > 1 and value._requires_grad and _is_grad_enabled():
            _refuse_hidden("a nested list", op_name)
        return value._data
    if isinstance(value, Tensor):
        if value.requires_grad and _is_grad_enabled():
            _refuse_torch_graph(value, op_name)
        return value
    if value.__class__ is list or value.__class__ is tuple:
        return value.__class__([_raw(v, op_name, depth + 1) for v in value])
    if isinstance(value, dict | set) and _any_variable(
        value.values() if isinstance(value, dict) else value
    ):
        _refuse_hidden(f"a {type(value).__name__}", op_name)
    return value


def _raw_option(name: str, value: Any, op_name: str) -> Any:
    if isinstance(value, Variable) and value._requires_grad and _is_grad_enabled():
        _refuse_hidden(f"the keyword-only argument {name!r}", op_name)
    return _raw(value, op_name, depth=1)


def _any_variable(values: Iterable[Any]) -> bool:
    """Whether there is a Variable among ``values``, in lists and tuples at any depth."""
    return any(
        isinstance(v, Variable) or (isinstance(v, list | tuple) and _any_variable(v))
        for v in values
    )


def _node(node_type: type[Node], edges: list[Edge], lengths: list[int | None] | None) -> Node:
    """A node with these edges."""
    node = node_type()
    node._saved = ()
    node.edges = tuple(edges)
    if lengths is None:
        node.needs_input_grad = tuple([edge is not None for edge in edges])
    else:
        node.list_lengths = tuple(lengths)
        node.needs_input_grad = tuple(grouped([edge is not None for edge in edges], lengths))
    return node


# --- what comes out ------------------------------------------------------------------


def _record(node: Node, output: Tensor) -> Variable:
    """Complete ``node`` after its forward and return its only output as a Variable."""
    dtype = output.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        return _plain(output)
    node.shape = output.shape
    node.dtype = dtype
    node.sequence_number = next_sequence_number()
    variable = _new(Variable)  # as recorded() does; the call would cost 3 % of an op
    variable._data = output
    variable._grad = None
    variable._grad_fn = node
    variable._output_nr = 0
    variable._requires_grad = True
    return variable


def _record_any(node: Node, output: Any, raw: Sequence[Any], operands: Sequence[Any]) -> Any:
    """The same for any outputs, and for whatever the op put on its context."""
    _refuse_tensor_attributes(node)
    if output.__class__ is Tensor and not node._dirty and not node._constants:
        node._ids = (*map(id, raw), id(output))
        return _record(node, output)
    if not isinstance(output, Tensor | tuple | list):
        return output
    single = isinstance(output, Tensor)
    outputs = [output] if single else list(output)
    node._ids = (*map(id, raw), *map(id, outputs))
    node.sequence_number = next_sequence_number()
    if single:
        node.shape, node.dtype = output.shape, output.dtype
    else:
        node.shape = node.dtype = None
        node.outputs = tuple([OutputMeta(t) if isinstance(t, Tensor) else None for t in outputs])
    dirty = _dirty_operands(node, outputs, raw, operands)
    variables = [_output(node, i, tensor, dirty) for i, tensor in enumerate(outputs)]
    return variables[0] if single else _like(output, variables)


def _output(node: Node, index: int, tensor: Any, dirty: dict[int, Variable]) -> Any:
    if not isinstance(tensor, Tensor):
        return tensor
    differentiable = tensor.dtype.is_floating_point or tensor.dtype.is_complex
    if not differentiable or id(tensor) in node._constants:
        return _plain(tensor)
    changed = dirty.get(id(tensor))
    if changed is None:
        return recorded(tensor, node, index)
    changed._grad_fn, changed._output_nr, changed._requires_grad = node, index, True
    return changed


def _dirty_operands(
    node: Node, outputs: list[Any], raw: Sequence[Any], operands: Sequence[Any]
) -> dict[int, Variable]:
    """The Variables whose tensors forward changed in place, by the tensor's id."""
    changed = {id(t) for t in node._dirty}
    node.__dict__.pop("_dirty", None)
    found = {
        id(t): v
        for t, v in zip(raw, operands, strict=True)
        if id(t) in changed and isinstance(v, Variable)
    }
    for key, variable in found.items():
        leaf = variable._requires_grad and variable._grad_fn is None
        if leaf or variable._data._is_view() or key not in map(id, outputs):
            _refuse_inplace(node, leaf, variable._data._is_view())
    return found


def _untracked(output: Any) -> Any:
    """The outputs of a call that was not recorded, as Variables."""
    if output.__class__ is Tensor:
        return _plain(output)
    if isinstance(output, tuple | list):
        return _like(output, [_plain(t) if isinstance(t, Tensor) else t for t in output])
    return Variable(output) if isinstance(output, Tensor) else output


def _plain(tensor: Tensor) -> Variable:
    """A Variable without a graph."""
    variable = _new(Variable)
    variable._data = tensor
    variable._grad = variable._grad_fn = variable._accumulator = None
    variable._output_nr = 0
    variable._requires_grad = False
    return variable


def _like(container: Any, items: list[Any]) -> Any:
    """``items`` in a container of the same type: list, tuple, a namedtuple of either kind."""
    make = getattr(type(container), "_make", type(container))
    return make(items)


# --- refusals ------------------------------------------------------------------------


def _refuse_tensor_attributes(node: Node) -> None:
    for name, value in node.__dict__.items():
        if value.__class__ in _PLAIN or name in _OWN_ATTRIBUTES:
            continue
        if _holds_tensor(value):
            raise ContextError(
                f"forward of {node.op_name} set the tensor ctx.{name}: an in-place change of it "
                "would go unnoticed, and it would outlive the graph",
                where=f"forward of {node.op_name}",
                fix="use ctx.save_for_backward(...), and ctx.saved_tensors in backward",
            )


_OWN_ATTRIBUTES = frozenset({"_constants", "_dirty", "_materialize_grads", "list_lengths"})


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, Tensor | Variable) or (
        isinstance(value, list | tuple | set) and any(map(_holds_tensor, value))
    )


def _refuse_torch_graph(tensor: Tensor, op_name: str) -> None:
    raise TorchGraphError(
        f"a torch tensor of shape {tuple(tensor.shape)} that requires grad was passed to "
        f"{op_name}: torch would get no gradient for it",
        where=f"a call of {op_name}",
        fix="pass tensor.detach() as a constant, or plugrad.Variable(tensor.detach(), "
        "requires_grad=True)",
    )


def _refuse_hidden(place: str, op_name: str) -> None:
    raise HiddenVariableError(
        f"a Variable was passed to {op_name} inside {place}, where the graph cannot see it",
        where=f"a call of {op_name}",
        fix="pass it as a positional argument, or in a flat list or tuple; or pass .data if "
        "no gradient is wanted",
    )


def _refuse_inplace(node: Node, leaf: bool, view: bool) -> None:
    if leaf:
        problem, fix = "a leaf that requires grad", "do it in plugrad.no_grad(), or clone() first"
    elif view:
        problem, fix = "a view, whose base would not know", "change a clone() of it"
    else:
        problem, fix = "an input that forward does not return", "return it from forward"
    raise InplaceError(
        f"{node.op_name} changed {problem} in place", where=f"forward of {node.op_name}", fix=fix
    )
