"""record: the outputs of a call as Variables, and the node completed that leads back from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from torch import Tensor

from plugrad.core.node import Node, OutputMeta, next_sequence_number
from plugrad.core.unpack import PLAIN
from plugrad.core.variable import Variable, plain, recorded
from plugrad.errors import ContextError, InplaceError

if TYPE_CHECKING:
    from collections.abc import Sequence

_new = object.__new__
# What of a node's dict is the engine's, and not set by the op's forward.
_OWN_ATTRIBUTES = frozenset({"_constants", "_dirty", "_materialize_grads", "_list_lengths"})


def record(node: Node, output: Tensor) -> Variable:
    """Complete ``node`` after its forward and return its only output as a Variable."""
    dtype = output.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        return plain(output)
    node._shape = output.shape
    node._dtype = dtype
    node._sequence_number = next_sequence_number()
    variable = _new(Variable)  # as recorded() does; the call would cost 3 % of an op
    variable._data = output
    variable._grad = None
    variable._grad_fn = node
    variable._output_nr = 0
    variable._requires_grad = True
    return variable


def record_any(node: Node, output: Any, raw: Sequence[Any], operands: Sequence[Any]) -> Any:
    """The same for any outputs, and for whatever the op put on its context."""
    if node.__dict__:
        _refuse_tensor_attributes(node)
    if output.__class__ is Tensor and not node._dirty and not node._constants:
        node._ids = (*map(id, raw), id(output))
        return record(node, _own_tensor(output, node._ids))
    if not isinstance(output, Tensor | tuple | list):
        return output
    outputs = [output] if isinstance(output, Tensor) else list(output)
    node._ids = (*map(id, raw), *map(id, outputs))
    node._sequence_number = next_sequence_number()
    if isinstance(output, Tensor):
        node._shape, node._dtype = output.shape, output.dtype
    else:
        node._shape = node._dtype = None
        node._outputs = tuple([OutputMeta(t) if isinstance(t, Tensor) else None for t in outputs])
    dirty = _dirty_operands(node, outputs, raw, operands)
    variables = [_output(node, i, tensor, dirty) for i, tensor in enumerate(outputs)]
    return variables[0] if isinstance(output, Tensor) else _like(output, variables)


def _output(node: Node, index: int, tensor: Any, dirty: dict[int, Variable]) -> Any:
    if not isinstance(tensor, Tensor):
        return tensor
    differentiable = tensor.dtype.is_floating_point or tensor.dtype.is_complex
    if not differentiable or id(tensor) in node._constants:
        return plain(tensor)
    changed = dirty.get(id(tensor))
    if changed is None:
        return recorded(_own_tensor(tensor, node._ids), node, index)
    changed._grad_fn, changed._output_nr, changed._requires_grad = node, index, True
    return changed


def _own_tensor(tensor: Tensor, ids: tuple[int, ...]) -> Tensor:
    """``tensor``; or, if it is an input, a view of it, as in torch.

    Two Variables with one tensor object could not tell which of them an in-place change
    was made through; of a view it is refused.
    """
    return tensor.view_as(tensor) if ids.count(id(tensor)) > 1 else tensor


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


def untracked(output: Any) -> Any:
    """The outputs of a call that was not recorded, as Variables."""
    if output.__class__ is Tensor:
        return plain(output)
    if isinstance(output, tuple | list):
        return _like(output, [plain(t) if isinstance(t, Tensor) else t for t in output])
    return Variable(output) if isinstance(output, Tensor) else output


def _like(container: Any, items: list[Any]) -> Any:
    """``items`` in a container of the same type: list, tuple, a namedtuple of either kind."""
    make = getattr(type(container), "_make", type(container))
    return make(items)


def _refuse_tensor_attributes(node: Node) -> None:
    for name, value in node.__dict__.items():
        if value.__class__ in PLAIN or name in _OWN_ATTRIBUTES:
            continue
        if _holds_tensor(value):
            raise ContextError(
                f"forward of {node._op_name} set the tensor ctx.{name}: an in-place change of it "
                "would go unnoticed, and it would outlive the graph",
                where=f"forward of {node._op_name}",
                fix="use ctx.save_for_backward(...), and ctx.saved_tensors in backward",
            )


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, Tensor | Variable) or (
        isinstance(value, list | tuple | set) and any(map(_holds_tensor, value))
    )


def _refuse_inplace(node: Node, leaf: bool, view: bool) -> NoReturn:
    if leaf:
        problem, fix = "a leaf that requires grad", "do it in plugrad.no_grad(), or clone() first"
    elif view:
        problem, fix = "a view, whose base would not know", "change a clone() of it"
    else:
        problem, fix = "an input that forward does not return", "return it from forward"
    raise InplaceError(
        f"{node._op_name} changed {problem} in place", where=f"forward of {node._op_name}", fix=fix
    )
