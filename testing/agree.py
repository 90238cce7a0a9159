"""agree: the comparison that all laws make."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.variable import Variable
from plugrad.testing.cause import probable_cause
from plugrad.testing.mismatch import Mismatch
from plugrad.testing.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.testing.case import Input


#: Numbers below this count as this large: what is left of a sum whose terms cancel is rounding.
_FLOOR = 1e-3


def agree(
    expected: Any, got: Any, what: str, allowed: float, message: str, *, scale: float = 0.0
) -> None:
    """Raise Violation unless ``got`` is ``expected``.

    None counts as zeros, since a rule may say either. nan and inf must be in the same places.

    Args:
        expected: a tensor, a Variable, None, or a plain value.
        got: what is compared with it.
        what: their name in the message.
        allowed: the error allowed, relative to the largest element expected; at 0 every
            bit of a number counts.
        message: what it means that they differ.
        scale: the size of the numbers that expected was computed from, if it is larger.
    """
    expected, got = _raw(expected), _raw(got)
    if expected is got:
        return
    if expected is None and isinstance(got, Tensor):
        expected = torch.zeros_like(got)
    if got is None and isinstance(expected, Tensor):
        got = torch.zeros_like(expected)
    if not isinstance(expected, Tensor) or not isinstance(got, Tensor):
        if type(expected) is not type(got) or expected != got:
            _refuse(message, Mismatch(what, None, repr(expected), repr(got)))
        return
    if expected.shape != got.shape or expected.dtype is not got.dtype:
        cause = probable_cause(expected, got)
        _refuse(message, Mismatch(what, None, _kind(expected), _kind(got), cause=cause))
    if torch.equal(expected, got) or expected.numel() == 0:
        return
    _agree_elements(expected, got, what, allowed, message, scale)


def agree_all(
    inputs: Sequence[Input],
    expected: Sequence[Any],
    got: Sequence[Any],
    allowed: float,
    message: str,
) -> None:
    """The same for the gradients of each input."""
    for given, e, g in zip(inputs, expected, got, strict=True):
        agree(e, g, f"gradient of {given.name}", allowed, message)


def _agree_elements(
    expected: Tensor, got: Tensor, what: str, allowed: float, message: str, scale: float
) -> None:
    shown = expected, got
    if not (expected.is_floating_point() or expected.is_complex()):
        expected, got = expected.double(), got.double()
    finite = torch.isfinite(expected)
    distance = (got - expected).abs()
    # Where not finite the same nan or inf must stand.
    same = (expected == got) | (torch.isnan(expected) & torch.isnan(got))
    distance = torch.where(same, 0.0, torch.nan_to_num(distance, nan=math.inf))
    distance = torch.where(finite | same, distance, math.inf)
    largest = float(expected[finite].abs().max()) if bool(finite.any()) else 0.0
    worst = int(distance.argmax())
    absolute = float(distance.flatten()[worst])
    if absolute <= allowed * max(largest, scale, _FLOOR):
        return
    # torch.unravel_index takes longer than the rest of this function.
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(worst), expected.shape))
    relative = absolute / largest if largest else math.inf
    mismatch = Mismatch(
        what,
        index,
        _number(shown[0][index]),
        _number(shown[1][index]),
        absolute,
        relative,
        allowed,
        probable_cause(*shown),
    )
    _refuse(message, mismatch)


def _refuse(message: str, mismatch: Mismatch) -> None:
    raise Violation(f"{message}: {mismatch}", mismatch)


def _raw(value: Any) -> Any:
    return value.data if isinstance(value, Variable) else value


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def _number(element: Tensor) -> str:
    value = element.item()
    return f"{value:.12g}" if isinstance(value, float | complex) else str(value)
