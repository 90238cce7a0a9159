"""Cotangents: checking, completing and fitting the gradients that travel the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor

from plugrad.core.variable import Variable
from plugrad.errors import (
    BackwardError,
    GradientCountError,
    GradientDeviceError,
    GradientDtypeError,
    GradientShapeError,
    GradientTypeError,
    NoGraphError,
    NonScalarRootError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.node import Node


def as_variables(given: Variable | Sequence[Variable]) -> tuple[Variable, ...]:
    """One Variable or several, as a tuple."""
    variables = (given,) if isinstance(given, Variable) else tuple(given)
    for position, variable in enumerate(variables):
        if not isinstance(variable, Variable):
            raise GradientTypeError(
                f"entry {position} is a {type(variable).__name__}, not a Variable",
                fix="pass plugrad.Variable objects; torch tensors have torch.autograd",
            )
    return variables


def as_cotangents(
    given: Variable | Tensor | Sequence[Variable | Tensor | None] | None, count: int
) -> tuple[Variable | Tensor | None, ...]:
    """One cotangent, one per root, or none at all, as a tuple of ``count``."""
    if given is None:
        return (None,) * count
    cotangents = (given,) if isinstance(given, Variable | Tensor) else tuple(given)
    if len(cotangents) != count:
        raise BackwardError(
            f"{count} outputs were given {len(cotangents)} gradients",
            fix="pass one gradient per output, None for a scalar one",
        )
    return cotangents


def root_gradient(
    root: Variable, gradient: Variable | Tensor | None, create_graph: bool
) -> Variable | Tensor:
    """The cotangent that backward starts from at ``root``: as given, or 1 for a scalar."""
    what = f"an output of shape {tuple(root.shape)} and dtype {root.dtype}"
    if not root._requires_grad:
        raise NoGraphError(
            "backward was called on a Variable that does not require grad",
            where=what,
            fix="make an input with requires_grad=True, and compute outside no_grad()",
        )
    if gradient is None:
        if root.numel() != 1:
            raise NonScalarRootError(
                f"an output of {root.numel()} elements needs a gradient to start from",
                where=what,
                fix="reduce it to one number, e.g. with .sum(), or pass gradient=",
            )
        if root.is_complex():
            raise NonScalarRootError(
                "a complex output needs a gradient to start from",
                where=what,
                fix="take its .abs() or .real, or pass gradient=",
            )
        gradient = torch.ones_like(root._data)
    raw = gradient._data if isinstance(gradient, Variable) else gradient
    if not isinstance(raw, Tensor):
        raise GradientTypeError(
            f"the gradient is a {type(raw).__name__}, not a tensor", where=what, fix="pass a tensor"
        )
    _check(raw, root.shape, root.dtype, root.device, "the gradient passed in", what)
    if not create_graph:
        return raw
    return gradient if isinstance(gradient, Variable) else Variable(gradient)


def per_edge(node: Node, gradients: Sequence[Any]) -> tuple[Any, ...]:
    """What a rule returned, as one gradient per edge: lists opened up, a short end filled."""
    lengths = node._list_lengths or (None,) * len(node._edges)
    # A gradient of an argument that the call left to its default goes nowhere.
    assert node._function is not None
    most = max(len(lengths), len(node._function.signature.positional))
    if any(g is not None for g in gradients[most:]):
        _refuse_count(node, len(gradients), len(lengths))
    flat: list[Any] = []
    for length, gradient in zip(lengths, gradients, strict=False):
        if length is None:
            flat.append(gradient)
        elif gradient is None:
            flat += [None] * length
        elif not isinstance(gradient, tuple | list) or len(gradient) != length:
            count = len(gradient) if isinstance(gradient, tuple | list) else 1
            _refuse_count(node, count, length, " for its list argument")
        else:
            flat += gradient
    # What is left out must be the end, where there is nothing that could have a gradient.
    if any(edge is not None for edge in node._edges[len(flat) :]):
        _refuse_count(node, len(gradients), len(lengths))
    return (*flat, *(None,) * (len(node._edges) - len(flat)))


def fit(node: Node, gradient: Any, edge: tuple[Node, int], create_graph: bool) -> Variable | Tensor:
    """A gradient in the shape and dtype of the input it belongs to.

    Where the op declares ``broadcasts`` it is summed over the broadcast dimensions and
    cast; otherwise a mismatch is an error. With ``create_graph`` it becomes a Variable.
    """
    if not isinstance(gradient, Tensor | Variable):
        _refuse_gradient(node, edge, type(gradient).__name__)
    if create_graph and isinstance(gradient, Tensor):
        gradient = Variable(gradient)
    elif not create_graph and isinstance(gradient, Variable):
        gradient = gradient._data
    target, output_nr = edge
    meta = target if target._outputs is None else target._outputs[output_nr]
    assert meta is not None  # an output that is no tensor has no edge
    if node._broadcasts:
        gradient = _reduced(gradient, meta._shape, meta._dtype)
    if gradient.shape != meta._shape or gradient.dtype is not meta._dtype:
        index = node._edges.index(edge)
        where = f"backward of {node._op_name}, gradient {index}"
        which = f"gradient {index} returned by {node._op_name}"
        raw = gradient._data if isinstance(gradient, Variable) else gradient
        _check(raw, meta._shape, meta._dtype, None, which, where)
    return gradient  # type: ignore[no-any-return]


def _reduced(gradient: Any, shape: Any, dtype: Any) -> Any:
    if gradient.dtype is not dtype:
        if gradient.dtype.is_complex and not dtype.is_complex:
            gradient = gradient.real
        gradient = gradient.to(dtype)
    if gradient.shape == shape:
        return gradient
    try:
        return gradient.sum_to_size(shape)
    except RuntimeError:  # not a broadcast of that shape; whoever called says so
        return gradient


def _refuse_gradient(node: Node, edge: tuple[Node, int], kind: str) -> NoReturn:
    index = node._edges.index(edge)
    raise GradientTypeError(
        f"backward of {node._op_name} returned a {kind} as gradient {index}",
        where=f"backward of {node._op_name}, gradient {index}",
        fix="return a tensor, or None where there is no gradient",
    )


def _check(
    gradient: Tensor,
    shape: Any,
    dtype: Any,
    device: torch.device | None,
    which: str,
    where: str,
) -> None:
    if gradient.shape != shape:
        raise GradientShapeError(
            f"{which} has shape {tuple(gradient.shape)}, expected {tuple(shape)}",
            where=where,
            fix="return the input's shape (broadcasts=True in @op sums over broadcast "
            "dimensions), or pass a gradient of the output's shape",
        )
    if gradient.dtype is not dtype:
        raise GradientDtypeError(
            f"{which} has dtype {gradient.dtype}, expected {dtype}",
            where=where,
            fix=f"cast it with .to({dtype})",
        )
    if device is not None and gradient.device != device:
        raise GradientDeviceError(
            f"{which} lies on {gradient.device}, expected {device}",
            where=where,
            fix=f"move it with .to({str(device)!r})",
        )


def _refuse_count(node: Node, got: int, expected: int, where: str = "") -> None:
    raise GradientCountError(
        f"backward of {node._op_name} returned {got} gradients{where}, expected {expected}",
        where=f"backward of {node._op_name}",
        fix="return one gradient per argument of forward, None where there is none; those "
        "after the last tensor may be left out",
    )
