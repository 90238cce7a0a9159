"""The numbers that activations take: slopes, bounds, thresholds."""

from __future__ import annotations

from typing import Any

from plugrad.core import Context
from plugrad.core.unpack import gradient_refused
from plugrad.ops._number import number


def numbers(ctx: Context, op_name: str, first: int, **given: Any) -> tuple[Any, ...]:
    """The numbers of ``given``, which are forward's parameters from position ``first`` on.

    Raises:
        ArgumentError: one is a Variable that requires grad: there is no gradient for it.
    """
    for needed, name in zip(ctx.needs_input_grad[first:], given, strict=False):
        if needed:
            raise gradient_refused(op_name, name)
    return tuple([number(value) for value in given.values()])
