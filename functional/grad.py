"""grad: gradients of outputs with respect to chosen inputs, returned."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
) -> tuple[Variable | None, ...]:
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

    Returns:
        One gradient per input, each of its input's shape and dtype.

    Raises:
        UnusedInputError: the outputs do not depend on an input.
        ValueError: ``materialize_grads`` with ``allow_unused=False``.
        BackwardError: as for ``backward``.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("materialize_grads=True needs allow_unused to be True or left out")
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


def _zeros(target: Place, create_graph: bool) -> Variable:
    """The gradient of an unused input, which can be differentiated again as torch's can."""
    if target.variable is None:
        zeros = torch.zeros(target.shape, dtype=target.dtype)
    else:
        zeros = torch.zeros_like(target.variable._data)
    return Variable(zeros, requires_grad=create_graph)
