"""The backward scheduler: backward, and run, which one backward is."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.anomaly import warn_at_users_line
from plugrad.core.context import running
from plugrad.core.cotangent import Place, as_cotangents, as_places, as_roots, root_gradient
from plugrad.core.deep import on_another_stack
from plugrad.core.execution_engine import run_final_callbacks
from plugrad.core.variable import Variable
from plugrad.core.walk import Walk
from plugrad.errors import BackwardError, GradientTypeError, NestedBackwardError

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from torch import Tensor

    from plugrad.core.node import Record

_Gradient = Any  # a Tensor, or in create_graph a Variable
_set_grad_enabled = torch._C._set_grad_enabled
#: How many backwards may be nested on one stack.
_DEEP = 16


def backward(
    tensors: Variable | Sequence[Variable],
    grad_tensors: Variable | Tensor | Sequence[Variable | Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    *,
    inputs: Variable | Sequence[Variable] | None = None,
) -> None:
    """Add the gradients of ``tensors`` with respect to the leaves to their ``grad``.

    ``torch.autograd.backward`` on Variables.

    Args:
        tensors: the roots, one Variable or several; their gradients add up.
        grad_tensors: the cotangent of each root, of its shape and dtype; None for a root
            of one element, where it is 1.
        retain_graph: keep saved tensors for another backward; by default ``create_graph``.
        create_graph: record the backward itself, for derivatives of any order.
        inputs: only these get a gradient, leaves or not; by default every leaf.

    Raises:
        NoGraphError: a root does not require grad.
        NonScalarRootError: a root of more than one element has no cotangent.
        GradientShapeError, GradientDtypeError, GradientDeviceError, GradientTypeError: a
            cotangent, or what an op's backward returned, does not fit.
        GradientCountError: an op's backward returned a wrong number of gradients.
    """
    roots = as_roots(tensors)
    cotangents = as_cotangents(grad_tensors, len(roots))
    if create_graph and (not _said or torch.is_warn_always_enabled()):
        _warn_of_cycles()
    if inputs is None:
        _run(roots, cotangents, retain_graph, create_graph)
        return
    targets = tuple(dict.fromkeys(as_places(inputs)))  # a root given twice counts once
    if not targets:
        raise BackwardError(
            "`inputs` argument to `backward()` cannot be empty",
            fix="leave inputs out, or name a Variable",
        )
    for target in targets:
        if target.variable is not None and not target.variable.is_leaf:
            target.variable.retain_grad()
    _run(roots, cotangents, retain_graph, create_graph, targets, accumulate=True)


Variable._run_backward = backward


#: Not empty once a backward with create_graph was warned about: once per process, as in
#: torch.
_said: list[bool] = []


def _warn_of_cycles() -> None:
    _said.append(True)
    warn_at_users_line(
        "Using backward() with create_graph=True will create a reference cycle between the leaf "
        "and its gradient: their graph lives until Python's garbage collector finds it. Use "
        "plugrad.grad, which creates none, or set .grad to None after use"
    )


def run(
    roots: Sequence[Variable | Place],
    cotangents: Sequence[Variable | Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
    targets: Sequence[Variable | Place],
    cut: bool = False,
    passed_on: Set[Record] = frozenset(),
) -> list[_Gradient | None]:
    """One backward, which returns the gradients of ``targets`` and changes no leaf.

    If ``cut``, the graph ends at the targets: what flows from one target to another is not counted.
    The hooks of those that are ``passed_on`` to another walk are left to that.

    Raises:
        NestedBackwardError: it was called, without create_graph, by a rule whose own
            gradients are being recorded.
    """
    return _run(
        as_places(roots),
        cotangents,
        retain_graph,
        create_graph,
        as_places(targets),
        cut=cut,
        passed_on=passed_on,
    )


def _run(
    roots: Sequence[Place],
    cotangents: Sequence[Variable | Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
    targets: Sequence[Place] | None = None,
    accumulate: bool = False,
    cut: bool = False,
    passed_on: Set[Record] = frozenset(),
) -> list[_Gradient | None]:
    """The same; with ``accumulate``, targets that are leaves also get it added to ``grad``."""
    outer = running.recorded_rule
    if create_graph is not True and create_graph is not False:
        create_graph = as_flag(create_graph, "create_graph")
    if outer is not None and not create_graph:
        _refuse_nested(outer._pg_op_name)
    keep = create_graph if retain_graph is None else retain_graph
    walk = Walk(keep, create_graph, targets, cut)
    walk.accumulates = targets is None or accumulate
    walk.passed_on = passed_on
    gradients: list[_Gradient] = []
    for place, cotangent in zip(roots, cotangents, strict=True):
        gradients.append(root_gradient(place, cotangent, create_graph, len(gradients)))
        if cotangent is not None:
            walk.sums_in_place = False
    walk.start(roots, gradients)
    del gradients  # otherwise the roots' gradients would seem to be shared
    running.depth = depth = running.depth + 1
    around, running.walk = running.walk, walk
    grad_mode = torch.is_grad_enabled()
    try:
        # The rules record what they do on Variables exactly when create_graph is set.
        _set_grad_enabled(create_graph)  # the class of this name takes half a microsecond
        if depth % _DEEP:
            walk.go()
        else:
            on_another_stack(walk.go_deep, walk.heap.clear)
        if walk.final_callbacks is not None:
            running.recorded_rule = None  # they are no part of the last rule
            run_final_callbacks(walk)
    finally:
        _set_grad_enabled(grad_mode)
        running.depth = depth - 1
        running.recorded_rule, running.walk = outer, around
    return walk.captured


def as_flag(value: Any, name: str) -> bool:
    """An option as True or False: as in torch, an int may stand for it.

    Raises:
        GradientTypeError: it is something else.
    """
    try:
        return bool(index(value))
    except TypeError as error:
        raise GradientTypeError(
            f"{name} must be True or False, not {value!r}",
            fix=f"pass {name}=True or {name}=False",
        ) from error


def _refuse_nested(op_name: str) -> None:
    raise NestedBackwardError(
        f"the backward of {op_name} is being recorded (create_graph), but runs a backward of its "
        "own without create_graph: the second derivative would silently lose that part",
        where=f"backward of {op_name}, with create_graph=True",
        fix="call plugrad.grad(..., create_graph=True) there, on the Variables that ctx gives; or "
        "mark the rule with plugrad.once_differentiable, so that differentiating twice raises",
    )
