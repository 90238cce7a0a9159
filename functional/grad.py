"""grad: gradients of outputs with respect to chosen inputs, returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.accumulate_grad import check_may_move
from plugrad.core.context import running
from plugrad.core.cotangent import as_cotangents, as_places, as_roots
from plugrad.core.engine import as_flag, run
from plugrad.core.variable import Variable
from plugrad.errors import (
    GradArgumentError,
    GradientShapeError,
    GradientTypeError,
    UnusedInputError,
)

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
        raise GradArgumentError(
            "Expected allow_unused to be True or not passed when materialize_grads=True",
            fix="leave allow_unused out",
        )
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
            outputs,
            inputs,
            grad_outputs,
            retain_graph,
            create_graph,
            allow_unused,
            materialize_grads,
        )
    create_graph = as_flag(create_graph, "create_graph")
    roots, targets = as_roots(outputs), as_places(inputs)
    if not targets:
        raise GradArgumentError(
            "grad requires non-empty inputs: `inputs` argument to `grad()` cannot be empty",
            fix="name at least one input",
        )
    cotangents = as_cotangents(grad_outputs, len(roots))
    level = running.dual_level
    if level is not None and not create_graph and level.reaches(roots, cotangents):
        # The tangents of the gradients, which torch computes beside them, are in their graph.
        found = run(roots, cotangents, True, True, targets)
        found = [None if g is None else level.with_tangent_only(g) for g in found]
    else:
        found = run(roots, cotangents, retain_graph, create_graph, targets)
    gradients: list[Variable | None] = []
    for position, (target, gradient) in enumerate(zip(targets, _variables(found), strict=True)):
        if gradient is not None:
            gradients.append(_where_it_is(target, gradient))
        elif materialize_grads:
            if target.variable is None:
                raise GradArgumentError(
                    "materialize_grads cannot be used when the given input is a GradientEdge",
                    where=f"input {position}, which the outputs do not depend on",
                    fix="pass the Variable itself, or allow_unused=True",
                )
            gradients.append(_zeros(target, create_graph))
        elif allow_unused:
            gradients.append(None)
        else:
            raise UnusedInputError(
                f"The differentiated Variable at index {position}, of shape "
                f"{tuple(target.shape)}, appears to not have been used in the graph: no output "
                "depends on it",
                fix="Set allow_unused=True to get None for it, or materialize_grads=True for zeros",
            )
    return tuple(gradients)


def _variables(found: Sequence[Any]) -> list[Variable | None]:
    """The gradients as Variables; one that several inputs have in common is one, as in torch."""
    made: dict[int, Variable] = {}
    variables: list[Variable | None] = []
    for gradient in found:
        if gradient is not None and not isinstance(gradient, Variable):
            if id(gradient) not in made:
                made[id(gradient)] = Variable(gradient)
            gradient = made[id(gradient)]
        variables.append(gradient)
    return variables


def _where_it_is(target: Place, gradient: Variable) -> Variable:
    """The gradient on the input's device."""
    if target.variable is None:
        return gradient
    have, wanted = gradient._data, target.variable._data
    if (have.is_cpu and wanted.is_cpu) or have.device == wanted.device:
        return gradient
    check_may_move(have, wanted)
    return gradient.to(wanted.device)


def _one_by_one(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any,
    retain_graph: bool | None,
    create_graph: bool,
    allow_unused: bool | None,
    materialize_grads: bool,
) -> tuple[Variable | None, ...]:
    """The gradients for each entry of the cotangents' first dimension, stacked."""
    roots = as_roots(outputs)
    cotangents = as_cotangents(grad_outputs, len(roots))
    count = _batch_size(roots, cotangents)
    last = max(count, 1) - 1
    each = [
        grad(
            outputs,
            inputs,
            [None if c is None else _entry(c, i) for c in cotangents],
            True if i < last else retain_graph,
            create_graph,
            allow_unused,
            materialize_grads,
        )
        for i in range(last + 1)
    ]
    stacked = [None if g[0] is None else torch.stack(g) for g in zip(*each, strict=True)]
    return tuple([None if g is None else g[:count] for g in stacked])  # type: ignore[misc]


def _entry(cotangents: Any, i: int) -> Any:
    """One of a batch of cotangents; for an empty batch zeros, which give the gradients' shapes."""
    return cotangents[i] if len(cotangents) else cotangents.new_zeros(cotangents.shape[1:])


def _batch_size(roots: Sequence[Place], cotangents: Sequence[Any]) -> int:
    """The size of the first dimension of all cotangents."""
    given = [c is not None for c in cotangents]
    if not any(given):
        raise GradArgumentError(
            "is_grads_batched=True needs grad_outputs",
            fix="pass grad_outputs, with one more dimension than the outputs, the first",
        )
    sizes = set()
    for i, (root, cotangent) in enumerate(zip(roots, cotangents, strict=True)):
        if cotangent is None:
            continue
        if not isinstance(cotangent, (torch.Tensor, Variable)):
            raise GradientTypeError(
                f"gradients can be either tensors or None, but grad_output[{i}] is a "
                f"{type(cotangent).__name__}",
                fix="pass a tensor or a Variable",
            )
        shape = tuple(cotangent.shape)
        if not shape or shape[1:] != tuple(root.shape):
            raise GradientShapeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output "
                f"as the batch dimension: grad_output[{i}] has shape {shape}, output[{i}] has "
                f"shape {tuple(root.shape)}",
                fix=f"pass a grad_output of shape [{', '.join(['N', *map(str, root.shape)])}]",
            )
        sizes.add(shape[0])
    if len(sizes) > 1:
        raise GradientShapeError(
            f"the grad_outputs have different batch sizes: {', '.join(map(str, sorted(sizes)))}",
            fix="give the first dimension of each the same size",
        )
    return int(sizes.pop())


def _zeros(target: Place, create_graph: bool) -> Variable:
    """The gradient of an unused input, which can be differentiated again as torch's can."""
    assert target.variable is not None
    return Variable(torch.zeros_like(target.variable._data), requires_grad=create_graph)
