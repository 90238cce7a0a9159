"""The gradient that flowed: a backward that leaves nothing behind, and what arrived where."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import AccumulateGrad
from plugrad.core.cotangent import Place, as_cotangents
from plugrad.core.engine import run
from plugrad.core.grad_fn import node_of
from plugrad.core.variable import Variable
from plugrad.drawing.step import flow_of
from plugrad.errors import DrawingError, NonScalarRootError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.core.node import Record
    from plugrad.drawing.step import Flow

#: For each record that a gradient arrived at, by its position: the gradient of each output.
Flows = dict[int, list["Flow | None"]]


def flows_of(records: list[Record], outputs: list[Variable], gradients: Any) -> Flows:
    """Run a backward from ``outputs``, and say what arrived at each of ``records``.

    No ``grad`` changes, and saved tensors stay. Hooks are called, since they may change what flows.

    Raises:
        DrawingError: an output has more than one element and no gradient was given.
        GraphFreedError: an earlier backward freed the graph; and what a backward raises.
    """
    flows: Flows = {}
    handles = []
    for i, record in enumerate(records):
        if not isinstance(record, AccumulateGrad):
            handles.append(node_of(record).register_prehook(_noting(flows, i)))
    leaves = [i for i, record in enumerate(records) if isinstance(record, AccumulateGrad)]
    targets = [_place(records[i]) for i in leaves]
    cotangents = as_cotangents(None if gradients is True else gradients, len(outputs))
    anomalies = torch.is_anomaly_enabled()
    try:
        # A nan is to be seen in the picture, not raised.
        with _retained(records), torch.autograd.set_detect_anomaly(anomalies, check_nan=False):
            arrived = run(outputs, cotangents, True, False, targets)
    except NonScalarRootError as error:
        raise DrawingError(
            f"there is no gradient to start from: {error.what}",
            where="pg.draw(..., gradients=True)",
            fix="pass gradients=torch.ones_like(y), or another tensor of y's shape; for several "
            "outputs a list of them",
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    for i, gradient in zip(leaves, arrived, strict=True):
        if gradient is not None:
            flows[i] = [flow_of(gradient)]
    return flows


def _place(record: Record) -> Place:
    assert record._pg_shape is not None
    assert record._pg_dtype is not None
    return Place(record, record._pg_shape, record._pg_dtype, None)


def _noting(flows: Flows, position: int) -> Any:
    def note(gradients: Sequence[Variable | None]) -> None:
        if any(g is not None for g in gradients):
            flows[position] = [None if g is None else flow_of(g._data) for g in gradients]

    return note


@contextmanager
def _retained(records: list[Record]) -> Iterator[None]:
    """Afterwards, Variables that retain their gradient have the one they had before."""
    kept: list[tuple[Variable, Any]] = []
    for record in records:
        for arrival in (record._pg_arrivals or {}).values():
            variable = None if arrival.retained_by is None else arrival.retained_by()
            if variable is not None:
                kept.append((variable, variable._grad))
    try:
        yield
    finally:
        for variable, grad in kept:
            variable._grad = grad


def is_asked(gradients: Any) -> bool:
    """Whether ``gradients=`` asks for a backward.

    Raises:
        DrawingError: it is neither a bool nor one tensor or several.
    """
    if gradients is None or isinstance(gradients, bool):
        return bool(gradients)
    several = gradients if isinstance(gradients, list | tuple) else (gradients,)
    if all(g is None or isinstance(g, Tensor | Variable) for g in several):
        return True
    raise DrawingError(
        f"gradients= is a {type(gradients).__name__}",
        where="a call of pg.draw",
        fix="pass gradients=True, or the gradient of y to start from, a tensor of y's shape",
    )
