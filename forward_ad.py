"""Forward mode by dual Variables, as torch.autograd.forward_ad does it by dual tensors.

A dual Variable begins a graph, and ``unpack_dual`` pushes its tangent through it. So calls
inside a level are recorded, even if gradients are off outside.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from plugrad.core.context import running
from plugrad.core.variable import Variable
from plugrad.errors import ForwardModeError, TransformTypeError
from plugrad.functional.duals import DualLevel

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]


class UnpackedDualTensor(NamedTuple):
    """What ``unpack_dual`` returns."""

    #: The value, without its tangent.
    primal: Any
    #: The derivative in the direction of the tangents given to ``make_dual``; None for zero.
    tangent: Any


def enter_dual_level() -> int:
    """Begin the level of forward mode; returns its number, 0.

    Raises:
        ForwardModeError: there is one already.
    """
    if running.dual_level is not None:
        raise ForwardModeError(
            "Nested forward mode AD is not supported at the moment",
            where="inside a dual_level",
            fix="nest pg.func.jvp, which can be nested to any depth",
        )
    running.dual_level = DualLevel()
    torch._C._set_grad_enabled(True)
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: its tangents are gone.

    Raises:
        ForwardModeError: there is none, or ``level`` is not its number.
    """
    current: DualLevel | None = running.dual_level
    if current is None or level not in (None, 0):
        raise ForwardModeError(
            "Trying to exit a forward AD level that was not the last one that was created. This "
            "is not supported.",
            where=f"exit_dual_level(level={level})",
            fix="use `with pg.forward_ad.dual_level():`",
        )
    current.end()
    running.dual_level = None
    torch._C._set_grad_enabled(current.recording)


class dual_level(ContextDecorator):  # noqa: N801
    """Inside it, ``make_dual`` gives a value a tangent: ``with``, or a decorator."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *_: object) -> None:
        exit_dual_level()


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Variable:
    """A dual Variable: the value of ``tensor``, with the tangent ``tangent``.

    What is computed with it has a tangent, which ``unpack_dual`` returns. Gradients flow
    through both to the Variables that they were made of.

    Args:
        tensor: a tensor or Variable, floating-point or complex.
        tangent: the same, of the same shape and dtype.
        level: torch's; None or 0.

    Raises:
        ForwardModeError: there is no level, or value and tangent do not fit.
    """
    current: DualLevel | None = running.dual_level
    if current is None or level not in (None, 0):
        raise ForwardModeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first.",
            where="a call of make_dual",
            fix="call it inside `with pg.forward_ad.dual_level():`",
        )
    for name, value in (("primal", tensor), ("tangent", tangent)):
        if not isinstance(value, Tensor | Variable):
            raise TransformTypeError(
                f"make_dual: the {name} must be a tensor or a Variable, not {type(value).__name__}",
                where="a call of make_dual",
                fix="make it a tensor: torch.as_tensor(value)",
            )
        if not (value.dtype.is_floating_point or value.dtype.is_complex):
            raise ForwardModeError(
                f"Expected {name} to be floating point or complex, but got: {value.dtype}",
                where="a call of make_dual",
                fix="cast it, for example with .double()",
            )
    if tensor.shape != tangent.shape or tensor.dtype is not tangent.dtype:
        raise ForwardModeError(
            f"Expected tangent to have the primal's shape and dtype, {tuple(tensor.shape)} and "
            f"{tensor.dtype}, but got {tuple(tangent.shape)} and {tangent.dtype}",
            where="a call of make_dual",
            fix="pass a tangent of the primal's shape and dtype",
        )
    if current.has_tangent(tensor):
        raise ForwardModeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
            "same level 0 is not supported.",
            where="a call of make_dual",
            fix="call unpack_dual(tensor).primal, or nest pg.func.jvp",
        )
    if current.has_tangent(tangent):
        raise ForwardModeError(
            "Setting a forward grad that itself has a forward gradient at the same level 0 is not "
            "supported.",
            where="a call of make_dual",
            fix="pass unpack_dual(tangent).primal, or nest pg.func.jvp",
        )
    return current.make(tensor, tangent)


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of ``tensor`` and its tangent, which is None if it does not depend on a dual.

    Outside a level there are no tangents.
    """
    current: DualLevel | None = running.dual_level
    if current is None or level not in (None, 0) or not isinstance(tensor, Variable):
        return UnpackedDualTensor(tensor, None)
    tangent = current.tangent_of(tensor)
    if tangent is None:
        constant = not tensor.requires_grad  # a view of it, so that a change of one is seen in both
        primal = tensor.view_as(tensor) if constant else current.leave_one(tensor)
        return UnpackedDualTensor(primal, None)
    return UnpackedDualTensor(current.constant(tensor), tangent)
