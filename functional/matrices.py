"""jacobian, hessian: all first or second derivatives, as in torch.autograd.functional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.functional.basis import by_columns, by_rows
from plugrad.functional.levels import recording
from plugrad.functional.strict import Call, as_tuple, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.variable import Variable

_STRATEGIES = ("forward-mode", "reverse-mode")


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The derivative of each element of what ``func(*inputs)`` returns by each of the inputs.

    ``torch.autograd.functional.jacobian`` on Variables and tensors.

    Args:
        func: a function that returns a tensor or a tuple of tensors.
        inputs: a tensor, a Variable, or a tuple of them.
        create_graph: return Variables that can be differentiated, if Variables were given.
        strict: raise if an output does not depend on an input, rather than return zeros.
        vectorize: compute all rows (or columns) in one batch, by vmap; else one by one.
        strategy: ``"reverse-mode"``, by rows; or ``"forward-mode"``, by columns.

    Returns:
        A tensor of shape ``(*output.shape, *input.shape)``; for a tuple of inputs a tuple, for a
        tuple of outputs a tuple of these.

    Raises:
        TransformError: what ``strict`` forbids, or an unknown strategy.
        TransformTypeError: an input or an output is not a tensor.
    """
    _check_strategy("jacobian", strategy)
    if strict and (vectorize or strategy == "forward-mode"):
        which = "`vectorize=True`" if vectorize else '`strategy="forward-mode"`'
        refuse(
            "jacobian",
            f"jacobian: `strict=True` and {which} are not supported together.",
            "leave strict out, or compute by rows one by one, which is the default",
        )
    with recording():
        call = Call("jacobian", func, inputs, None, create_graph, strict)
        chunk = None if vectorize else 1
        compute = by_rows if strategy == "reverse-mode" else by_columns
        if strict:
            _check_each(call)
        found = compute(call.level, call.outputs, call.inputs, chunk, call.recorded)
        if strict and create_graph:
            for row in found:
                call.check_graph(
                    row,
                    "The jacobian of the user-provided function is independent of input {i}. This "
                    "is not allowed in strict mode when create_graph=True.",
                )
    rows = tuple([call.leave(row, call.inputs_are_tuple) for row in found])
    return rows if call.outputs_are_tuple else rows[0]


def _check_each(call: Call) -> None:
    """In strict mode each output depends on each input."""
    for number, output in enumerate(call.outputs):
        message = f"Output {number} of the user-provided function is independent of input "
        call.check_dependence([output], message + "{i}. This is not allowed in strict mode.")


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of ``func``, which returns one number.

    ``torch.autograd.functional.hessian``: the Jacobian of the gradient.

    Args:
        func: a function that returns a tensor of one element.
        inputs: as for ``jacobian``.
        create_graph: as for ``jacobian``.
        strict: raise if the gradient does not depend on an input.
        vectorize: as for ``jacobian``.
        outer_jacobian_strategy: the strategy of the Jacobian of the gradient.

    Returns:
        A tensor of shape ``(*input.shape, *input.shape)``; for a tuple of inputs a tuple of tuples.
    """
    _check_strategy("hessian", outer_jacobian_strategy)
    is_tuple, given = as_tuple(inputs, "inputs", "hessian")

    def gradient(*inner: Variable) -> Any:
        call = Call("hessian", func, inner if is_tuple else inner[0], None, True, strict)
        call.refuse_tuple_or_many()
        if strict:
            _check_each(call)
        rows = by_rows(call.level, call.outputs, call.inputs, 1, True)[0]
        found = [g.reshape(x.shape) for g, x in zip(rows, call.inputs, strict=True)]
        call.check_gradient(found)
        return tuple(found)

    rows = jacobian(gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return rows if is_tuple else rows[0][0]


def _check_strategy(name: str, strategy: str) -> None:
    if strategy not in _STRATEGIES:
        refuse(
            name,
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".',
            "pass one of the two",
        )
