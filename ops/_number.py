"""Numbers that are given as tensors without dimensions."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from plugrad.core import Variable
from plugrad.core.unpack import gradient_refused


def number(value: Any) -> Any:
    """``value``, or for a tensor the number in it: what a context may keep.

    A dim is made a number too: torch 2.6 reads a tensor there as all dimensions.
    """
    return value.item() if isinstance(value, Tensor) else value


def constant(value: Any, op_name: str, parameter: str) -> Any:
    """``value`` with tensors for Variables, also in a tuple or list; none may require grad.

    Raises:
        ArgumentError: one does.
    """
    if isinstance(value, tuple | list):
        return type(value)([constant(v, op_name, parameter) for v in value])
    if not isinstance(value, Variable):
        return value
    if value.requires_grad:
        raise gradient_refused(op_name, parameter)
    return value.data
