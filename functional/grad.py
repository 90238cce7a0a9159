"""grad: gradients of outputs with respect to chosen inputs, returned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from plugrad.core.cotangent import as_cotangents, as_variables
from plugrad.core.engine import run
from plugrad.core.variable import Variable
from plugrad.errors import UnusedInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


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
    roots, targets = as_variables(outputs), as_variables(inputs)
    cotangents = as_cotangents(grad_outputs, len(roots))
    found = run(roots, cotangents, retain_graph, create_graph, targets)
    gradients: list[Variable | None] = []
    for position, (target, gradient) in enumerate(zip(targets, found, strict=True)):
        if gradient is not None:
            gradients.append(gradient if isinstance(gradient, Variable) else Variable(gradient))
        elif materialize_grads:
            gradients.append(Variable(torch.zeros_like(target.data)))
        elif allow_unused:
            gradients.append(None)
        else:
            raise UnusedInputError(
                f"the outputs do not depend on input {position}, of shape {tuple(target.shape)}",
                fix="pass allow_unused=True to get None for it, materialize_grads=True for zeros",
            )
    return tuple(gradients)
