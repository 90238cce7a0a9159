"""What an op's jvp must return, and must leave alone; torch checks the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor

from plugrad.core.context import whole
from plugrad.core.counted import counted
from plugrad.core.node import edge_to
from plugrad.core.record import is_differentiable
from plugrad.core.variable import Variable
from plugrad.errors import ForwardModeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.node import Record


def check_tangents(record: Record, found: Sequence[Any], given: Sequence[Any]) -> None:
    """Check what jvp returned for the tangents that it was given.

    Raises:
        ForwardModeError: a tangent is missing, does not fit its output, or is not made in place
            or as a view where the output is.
    """
    count = 1 if record._pg_outputs is None else len(record._pg_outputs)
    if len(found) != count:
        raise ForwardModeError(
            f"jvp of {record._pg_op_name} returned {counted(len(found), 'tangent')} for "
            f"{counted(count, 'output')}",
            where=f"jvp of {record._pg_op_name}",
            fix="return one tangent for each output, None for zeros",
        )
    for number, tangent in enumerate(found):
        if tangent is not None:
            _check_tangent(record, number, tangent)
    for position, number in record._pg_changed:
        if found[number] is not given[position]:
            raise ForwardModeError(
                "An inplace custom Function is not modifying the forward mode gradients inplace: "
                f"forward of {record._pg_op_name} changes input {position}, but jvp does not "
                f"return its tangent {position}, changed in the same way",
                where=f"jvp of {record._pg_op_name}",
                fix="change that tangent in place, as in `return tangent.mul_(2)`",
            )
    for number in record._pg_view_outputs:
        if found[number] is not None and not any(_share(found[number], t) for t in given):
            raise ForwardModeError(
                f"A custom Function's forward is returning a view (or an input as-is) but the jvp "
                f"is not returning a view: output {number} of {record._pg_op_name}",
                where=f"jvp of {record._pg_op_name}",
                fix="return a view of the tangent, as in `return tangent.view_as(tangent)`; or "
                "return a clone() from forward",
            )


def refuse_changed_tangent(record: Record, position: int) -> NoReturn:
    """Raise ForwardModeError for a tangent that jvp should not have changed."""
    raise ForwardModeError(
        f"jvp of {record._pg_op_name} changed tangent {position} in place, but forward did not "
        "change that input: other calls need the tangent as it was",
        where=f"jvp of {record._pg_op_name}",
        fix="compute a new tensor, as in `return tangent.mul(2)`",
    )


def _check_tangent(record: Record, number: int, tangent: Any) -> None:
    meta = None if record._pg_outputs is None else record._pg_outputs[number]
    if number in record._pg_constant_outputs or (
        record._pg_outputs is not None and (meta is None or not is_differentiable(meta.dtype))
    ):
        raise ForwardModeError(
            f"Function's jvp returned a gradient at position {number}, but the corresponding "
            "forward output is not a differentiable Tensor. You should return None at that "
            "position instead.",
            where=f"jvp of {record._pg_op_name}",
            fix=f"return None as tangent {number}",
        )
    expected = edge_to(record, number)
    if not isinstance(tangent, Tensor | Variable):
        what = type(tangent).__name__
    elif tangent.shape != expected._pg_shape or tangent.dtype is not expected._pg_dtype:
        what = f"tangent of shape {tuple(tangent.shape)} and dtype {tangent.dtype}"
    else:
        return
    raise ForwardModeError(
        f"jvp of {record._pg_op_name} returned a {what} for output {number}, of shape "
        f"{tuple(expected._pg_shape or ())} and dtype {expected._pg_dtype}",
        where=f"jvp of {record._pg_op_name}",
        fix="return a tangent of the output's shape and dtype, None for zeros",
    )


def _share(one: Any, other: Any) -> bool:
    """Whether both are views of one memory; if that cannot be found out, they may be."""
    if other is None:
        return False
    a, b = (whole(t._data if isinstance(t, Variable) else t) for t in (one, other))
    if not (a.layout is b.layout is torch.strided):
        return True
    try:
        return bool(a.untyped_storage()._cdata == b.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # a tensor without a storage
        return True
