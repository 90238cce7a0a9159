"""Cotangents: checking, completing and fitting the gradients that travel the graph."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import AccumulateGrad, edge_of
from plugrad.core.adopted_leaf import is_adopted
from plugrad.core.counted import counted
from plugrad.core.grad_fn import Node
from plugrad.core.node import edge_to, ends
from plugrad.core.record import is_differentiable
from plugrad.core.variable import Variable
from plugrad.core.written import entered_as, enters, read_back
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

    from plugrad.core.node import Edge, Record


class Place(NamedTuple):
    """A place in the graph: where backward starts, or whose gradient is wanted."""

    edge: Edge | None
    shape: tuple[int, ...]
    dtype: torch.dtype
    #: The Variable that is there; None for a GradientEdge.
    variable: Variable | None

    def __str__(self) -> str:
        return f"shape {tuple(self.shape)} and dtype {self.dtype}"


def as_roots(given: Any) -> tuple[Place, ...]:
    """``as_places``, also of what torch computed from Variables, or from what a model was given.

    Raises:
        GradientTypeError: as for ``as_places``.
    """
    if isinstance(given, Variable):  # nearly always
        return (_place_of(given),)
    if type(given) is Tensor:
        given = (given,)
    if isinstance(given, list | tuple) and not hasattr(given, "output_nr"):
        given = [_read_back(each) for each in given]
    return as_places(given)


def _read_back(given: Any) -> Any:
    if type(given) is not Tensor or given.grad_fn is None:
        return given
    variable = read_back(given, is_adopted)
    return given if variable is None else variable


def as_places(given: Any) -> tuple[Place, ...]:
    """One Variable or GradientEdge, or several, as a tuple.

    Raises:
        GradientTypeError: something else is among them.
    """
    if isinstance(given, Variable):  # nearly always
        return (_place_of(given),)
    several = given if isinstance(given, list | tuple) and not hasattr(given, "output_nr") else None
    if several is None and not hasattr(given, "output_nr"):
        several = given if hasattr(given, "__iter__") else (given,)
    return tuple(
        [_place(i, each) for i, each in enumerate((given,) if several is None else several)]
    )


def _place_of(variable: Variable) -> Place:
    data = variable._data
    return Place(edge_of(variable), data.shape, data.dtype, variable)


def _place(position: int, given: Any) -> Place:
    if isinstance(given, Variable):  # first, since whether it is another class takes it longer
        return _place_of(given)
    if isinstance(given, Place):
        return given
    node = getattr(given, "node", None)
    if isinstance(node, Node):
        edge = edge_to(node._record, given.output_nr)
        assert edge._pg_shape is not None
        assert edge._pg_dtype is not None
        return Place(edge, edge._pg_shape, edge._pg_dtype, None)
    variable = entered_as(given) if enters(given) else None
    if variable is not None:
        return _place(position, variable)
    raise GradientTypeError(
        f"entry {position} is a {type(given).__name__}, not a Variable",
        fix="pass plugrad.Variable objects, which the model is given as its inputs; torch tensors "
        "have torch.autograd",
    )


def as_cotangents(
    given: Variable | Tensor | Sequence[Variable | Tensor | None] | None, count: int
) -> tuple[Variable | Tensor | None, ...]:
    """One cotangent, one per root, or none at all, as a tuple of ``count``."""
    if given is None:
        return (None,) * count
    if not isinstance(given, Variable | Tensor) and not hasattr(given, "__iter__"):
        raise GradientTypeError(
            f"gradients can be either tensors or None, but a {type(given).__name__} was given",
            fix="pass a tensor or a Variable, or one for each output in a tuple",
        )
    cotangents = (given,) if isinstance(given, (Variable, Tensor)) else tuple(given)
    if len(cotangents) != count:
        raise BackwardError(
            f"{counted(count, 'output')} {'was' if count == 1 else 'were'} given "
            f"{counted(len(cotangents), 'gradient')}",
            fix="pass one gradient per output, None for a scalar one",
        )
    return cotangents


def root_gradient(
    root: Place, gradient: Variable | Tensor | None, create_graph: bool, position: int
) -> Variable | Tensor:
    """The cotangent that backward starts from at ``root``: as given, or 1 for a scalar.

    As in torch, another dtype is cast, but what is complex to what is not.
    """
    if root.edge is None:
        raise NoGraphError(
            "backward was called on a Variable that does not require grad",
            where=f"an output of {root}",
            fix="make an input with requires_grad=True, compute outside no_grad(), and don't "
            "detach() or mark what is computed as not differentiable"
            if is_differentiable(root.dtype)
            else "differentiate a floating-point result: indices, counts and comparisons have no "
            "gradient",
        )
    if gradient is None:
        one = _one(root, root.edge, position)
        return Variable(one) if create_graph else one
    device = None if root.variable is None else root.variable._data.device
    raw = gradient._data if isinstance(gradient, Variable) else gradient
    if not isinstance(raw, Tensor):
        raise GradientTypeError(
            f"gradients can be either tensors or None, but grad_output[{position}] is a "
            f"{type(raw).__name__}",
            where=f"an output of {root}",
            fix="pass a tensor or a Variable",
        )
    if raw.shape != root.shape or raw.dtype is not root.dtype or raw.device != device:
        _refuse_given(raw, root, device, position)
        if raw.dtype is not root.dtype:
            gradient, raw = gradient.to(root.dtype), raw.to(root.dtype)
    if not create_graph:
        return raw
    return gradient if isinstance(gradient, Variable) else Variable(gradient)


def _one(root: Place, edge: Edge, position: int) -> Tensor:
    count = prod(root.shape)
    if count != 1:
        raise NonScalarRootError(
            "grad can be implicitly created only for scalar outputs, and output "
            f"{position} has {counted(count, 'element')}",
            where=f"an output of {root}",
            fix="reduce it to one number, e.g. with .sum(), or pass gradient=",
        )
    if root.dtype.is_complex:
        raise NonScalarRootError(
            "grad can be implicitly created only for real scalar outputs, and output "
            f"{position} is complex",
            where=f"an output of {root}",
            fix="take its .abs() or .real, or pass gradient=",
        )
    if root.variable is None:
        return torch.ones(root.shape, dtype=root.dtype, device=device_of(edge))
    return torch.ones_like(root.variable._data)


def device_of(edge: Edge) -> torch.device:
    """Where the value is that an edge leads to: as it was seen, or as what it was made of."""
    while True:
        record, number = ends(edge)
        if record._pg_device is not None:
            return record._pg_device
        if isinstance(record, AccumulateGrad):
            return record.variable.device
        meta = None if record._pg_outputs is None else record._pg_outputs[number]
        if meta is not None:
            return meta.device
        edge = next(e for e in record._pg_edges if e is not None)


def per_edge(record: Record, gradients: Sequence[Any]) -> tuple[Any, ...]:
    """What a rule returned, as one gradient per edge: lists opened up, a short end filled."""
    edges = record._pg_edges
    if record._pg_list_lengths is None and len(gradients) < len(edges):
        missing = edges[len(gradients) :]
        if missing.count(None) == len(missing):  # the usual case: those of options
            return (*gradients, *missing)
    lengths = record._pg_list_lengths or (None,) * len(edges)
    if any(g is not None for g in gradients[len(lengths) :]):
        _refuse_count(record, len(gradients), len(lengths))
    flat: list[Any] = []
    for length, gradient in zip(lengths, gradients, strict=False):
        if length is None:
            flat.append(gradient)
        elif gradient is None:
            flat += [None] * length
        elif not isinstance(gradient, tuple | list) or len(gradient) != length:
            count = len(gradient) if isinstance(gradient, tuple | list) else 1
            _refuse_count(record, count, length, " for its list argument")
        else:
            flat += gradient
    # Only the end may be left out, where nothing could have a gradient.
    if any(edge is not None for edge in edges[len(flat) :]):
        _refuse_count(record, len(gradients), len(lengths))
    return (*flat, *(None,) * (len(edges) - len(flat)))


def fit(record: Record, gradient: Any, edge: Edge, create_graph: bool) -> Variable | Tensor:
    """A gradient in the shape and dtype of the input it belongs to.

    Where the op declares ``broadcasts`` it is summed over the broadcast dimensions, where it
    declares ``promotes`` or ran under autocast it is cast; otherwise a mismatch is an error.
    With ``create_graph`` it becomes a Variable.
    """
    if not isinstance(gradient, (Tensor, Variable)):
        _refuse_gradient(record, edge, type(gradient).__name__)
    if create_graph and isinstance(gradient, Tensor):
        gradient = Variable(gradient)
    elif not create_graph and isinstance(gradient, Variable):
        gradient = gradient._data
    shape, dtype = edge._pg_shape, edge._pg_dtype
    if gradient.dtype is not dtype:
        asked = edge.__class__ is AccumulateGrad and edge.has_own_dtype
        if dtype is None and asked:
            dtype = gradient.dtype
        elif asked or record._pg_promotes or record._pg_autocast:
            gradient = _cast(gradient, dtype, record)
    if gradient.shape != shape and record._pg_broadcasts:
        gradient = _summed(gradient, shape)
    if gradient.shape != shape or gradient.dtype is not dtype:
        _refuse_returned(record, edge, gradient)
    return gradient  # type: ignore[no-any-return]


def only_for_tensors(record: Record, gradients: Any) -> Any:
    """``gradients`` of a user's rule, none of which may be for an argument that is not a tensor.

    Raises:
        GradientTypeError: there is one; most likely it belongs to another argument.
    """
    several = isinstance(gradients, tuple | list)
    for i in record._pg_no_tensors if several else ():
        if i < len(gradients) and gradients[i] is not None:
            raise GradientTypeError(
                f"backward of {record._pg_op_name} returned a gradient different than None at "
                f"position {i}, but that argument of forward was not a tensor",
                where=f"backward of {record._pg_op_name}",
                fix="return the gradients in the order of forward's arguments, and None for those "
                "that are not tensors",
            )
    return gradients


def _cast(gradient: Any, dtype: Any, record: Record) -> Any:
    if gradient.dtype.is_complex and not dtype.is_complex:
        function = record._pg_function
        if function is None or function.declaration is None:  # a torch.autograd.Function
            return gradient
        gradient = gradient.real
    return gradient.to(dtype)


def _summed(gradient: Any, shape: Any) -> Any:
    leading = gradient.dim() - len(shape)
    try:
        if leading > 0 and gradient.shape[leading:] == shape:
            # As a bias is broadcast. sum_to_size would give a view, which takes half as long again.
            return gradient.sum(tuple(range(leading)))
        return gradient.sum_to_size(shape)
    except RuntimeError:  # not a broadcast of that shape; the caller says so
        return gradient


def _refuse_gradient(record: Record, edge: Edge, kind: str) -> NoReturn:
    index = record._pg_edges.index(edge)
    raise GradientTypeError(
        f"expected Variable or None as gradient {index}, but backward of {record._pg_op_name} "
        f"returned a {kind}",
        where=f"backward of {record._pg_op_name}, gradient {index}",
        fix="return a tensor, or None where there is no gradient",
    )


def _refuse_given(gradient: Tensor, root: Place, device: torch.device | None, i: int) -> None:
    where = f"an output of {root}"  # only now: writing it takes longer than checking
    if gradient.shape != root.shape:
        raise GradientShapeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {gradient.shape} and output[{i}] "
            f"has a shape of {torch.Size(root.shape)}",
            where=where,
            fix="pass a gradient of the output's shape",
        )
    if gradient.is_complex() != root.dtype.is_complex:
        raise GradientDtypeError(
            "For complex Tensors, both grad_output and output are required to have the same "
            f"dtype. Mismatch in dtype: grad_output[{i}] has a dtype of {gradient.dtype} and "
            f"output[{i}] has a dtype of {root.dtype}",
            where=where,
            fix=f"cast it with .to({root.dtype})",
        )
    if device is not None and gradient.device != device:
        raise GradientDeviceError(
            f"grad_output[{i}] is on {gradient.device} and output[{i}] is on {device}",
            where=where,
            fix=f"move it with .to({str(device)!r})",
        )


def _refuse_returned(record: Record, edge: Edge, gradient: Any) -> NoReturn:
    index = record._pg_edges.index(edge)
    what = f"backward of {record._pg_op_name} returned an invalid gradient at index {index}"
    where = f"backward of {record._pg_op_name}, gradient {index}"
    shape, dtype = edge._pg_shape, edge._pg_dtype
    if gradient.shape != shape:
        raise GradientShapeError(
            f"{what} - got {list(gradient.shape)} but expected shape compatible with "
            f"{list(shape or ())}",
            where=where,
            fix="return the input's shape (broadcasts=True in @op sums over broadcast dimensions)",
        )
    raise GradientDtypeError(
        f"{what} - expected type {dtype} but got {gradient.dtype}",
        where=where,
        fix=f"cast it with .to({dtype}) (promotes=True in @op casts each gradient back)",
    )


def _refuse_count(record: Record, got: int, expected: int, where: str = "") -> None:
    raise GradientCountError(
        f"backward of {record._pg_op_name} returned an incorrect number of gradients{where} "
        f"(expected {expected}, got {got})",
        where=f"backward of {record._pg_op_name}",
        fix="return one gradient per argument of forward, None where there is none; those "
        "after the last tensor may be left out",
    )
