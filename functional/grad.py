"""grad: gradients of outputs with respect to chosen inputs, returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.cotangent import as_cotangents, as_places
from plugrad.core.engine import run
from plugrad.core.variable import Variable
from plugrad.errors import BackwardError, UnusedInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from plugrad.core.cotangent import Place


def grad(
    outputs: Variable | Sequence[Variable],
    inputs: Variable | Sequence[Variable],
    grad_outputs: Variable | Tensor | Sequence[Variable | Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
    is_grads_batched: bool = False,
) -> Any:
    """The gradients of ``outputs`` with respect to ``inputs``; no ``.grad`` is changed.

    ``torch.autograd.grad`` on Variables.

    Args:
        outputs: one Variable or several; their gradients add up.
        inputs: leaves or intermediate Variables.
        grad_outputs: the cotangent of each output; None for one of a single element.
        retain_graph: keep saved tensors for another backward; by default ``create_graph``.
        create_graph: record the backward, so that the gradients can be differentiated.
        allow_unused: return None for an input that the outputs do not depend on, rather
            than raise; by default the value of ``materialize_grads``.
        materialize_grads: return zeros for such an input.
        is_grads_batched: each cotangent has one more dimension, the first; so has each
            gradient, with one backward for each of its entries.

    Returns:
        One gradient per input, each of its input's shape and dtype: a tuple, or for a dict of
        inputs a dict.

    Raises:
        UnusedInputError: the outputs do not depend on an input.
        ValueError: ``materialize_grads`` with ``allow_unused=False``.
        BackwardError: as for ``backward``.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("materialize_grads=True needs allow_unused to be True or left out")
    if isinstance(inputs, dict):
        found = grad(
            outputs,
            list(inputs.values()),
            grad_outputs,
            retain_graph,
            create_graph,
            allow_unused,
            materialize_grads,
            is_grads_batched,
        )
        return dict(zip(inputs, found, strict=True))
    if is_grads_batched:
        return _one_by_one(
            outputs, inputs, grad_outputs, create_graph, allow_unused, materialize_grads
        )
    roots, targets = as_places(outputs), as_places(inputs)
    if not targets:
        raise BackwardError("grad requires non-empty inputs", fix="name at least one input")
    cotangents = as_cotangents(grad_outputs, len(roots))
    found = run(roots, cotangents, retain_graph, create_graph, targets)
    gradients: list[Variable | None] = []
    for position, (target, gradient) in enumerate(zip(targets, found, strict=True)):
        if gradient is not None:
            gradients.append(gradient if isinstance(gradient, Variable) else Variable(gradient))
        elif materialize_grads:
            gradients.append(_zeros(target, create_graph))
        elif allow_unused:
            gradients.append(None)
        else:
            raise UnusedInputError(
                f"the outputs do not depend on input {position}, of shape {tuple(target.shape)}",
                fix="pass allow_unused=True to get None for it, materialize_grads=True for zeros",
            )
    return tuple(gradients)


def _one_by_one(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any,
    create_graph: bool,
    allow_unused: bool | None,
    materialize_grads: bool,
) -> tuple[Variable | None, ...]:
    """The gradients for each entry of the cotangents' first dimension, stacked."""
    roots = as_places(outputs)
    cotangents = as_cotangents(grad_outputs, len(roots))
    count = next(c.shape[0] for c in cotangents if c is not None)
    each = [
        grad(
            outputs,
            inputs,
            [None if c is None else c[i] for c in cotangents],
            True,
            create_graph,
            allow_unused,
            materialize_grads,
        )
        for i in range(count)
    ]
    stacked = [None if g[0] is None else torch.stack(g) for g in zip(*each, strict=True)]
    return tuple(stacked)  # type: ignore[arg-type]


def _zeros(target: Place, create_graph: bool) -> Variable:
    """The gradient of an unused input, which can be differentiated again as torch's can."""
    if target.variable is None:
        zeros = torch.zeros(target.shape, dtype=target.dtype)
    else:
        zeros = torch.zeros_like(target.variable._data)
    return Variable(zeros, requires_grad=create_graph)
