"""agree: the comparison that all laws make, and the words for a difference."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from plugrad.core.counted import counted
from plugrad.core.variable import Variable
from plugrad.testing.domains import BOUND, tangent
from plugrad.testing.law import Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.testing.case import Input


#: Relative to the largest element expected. A rule may add in another order than torch, and
#: errors add up over an op's steps. So this allows some hundred units in the last place for
#: the wide dtypes, and a few for the narrow ones.
TOLERANCE: dict[torch.dtype, float] = {
    torch.float64: 1e-10,
    torch.complex128: 1e-10,
    torch.float32: 1e-4,
    torch.complex64: 1e-4,
    torch.float16: 2e-2,
    torch.bfloat16: 1e-1,
}


def tolerance(*dtypes: torch.dtype) -> float:
    """The tolerance if all these dtypes take part: the widest; 0 for integers alone."""
    return max((TOLERANCE.get(dtype, 0.0) for dtype in dtypes), default=0.0)


#: A matrix as nested lists: rows are elements of the output, columns of the input.
Matrix: TypeAlias = "list[list[float]]"


@dataclass(frozen=True)
class Mismatch:
    """What a law expected and what it got, at the worst element.

    Args:
        what: the result that differs, by name: ``gradient of x``, ``output 0``.
        index: the worst element; None if shapes or dtypes differ rather than elements.
        expected: the value at that element, or a description of the whole.
        got: the same for what the law got.
        absolute: the error there.
        relative: the same, relative to the largest expected element.
        tolerance: the relative error that is allowed.
        cause: what probably went wrong, in words; may be empty.
        jacobians: expected and got, where they are small.
    """

    what: str
    index: tuple[int, ...] | None
    expected: str
    got: str
    absolute: float | None = None
    relative: float | None = None
    tolerance: float | None = None
    cause: str = ""
    jacobians: tuple[Matrix, Matrix] | None = None

    def __str__(self) -> str:
        place = "" if self.index is None else f"[{', '.join(map(str, self.index))}]"
        text = f"{self.what}{place}: expected {self.expected}, got {self.got}"
        if self.absolute is not None and self.relative is not None:
            text += f" (off by {self.absolute:.3g}, relative {self.relative:.3g}"
            text += f", allowed {self.tolerance:.0e})" if self.tolerance else ")"
        return text + (f"; probable cause: {self.cause}" if self.cause else "")


def probable_cause(expected: Tensor, got: Tensor) -> str:
    """What most likely went wrong, in words; empty if nothing stands out.

    Args:
        expected: of any shape and dtype.
        got: likewise.
    """
    if expected.shape != got.shape:
        return _of_shapes(expected, got)
    if expected.numel() == 0 or not (expected.is_floating_point() or expected.is_complex()):
        return ""
    if got.dtype.is_complex and not expected.dtype.is_complex:
        return "a real input got a complex gradient: take .real, or declare promotes=True"
    got = got.to(expected.dtype)
    finite = torch.isfinite(expected)
    if bool((finite & torch.isnan(got)).any()):
        return "0 * inf or 0 / 0 in the rule: guard it with torch.where on the input"
    if bool((finite & ~torch.isfinite(got)).any()):
        return "a division by zero or an overflow in the rule"
    return _of_values(expected[finite], got[finite])


def _of_shapes(expected: Tensor, got: Tensor) -> str:
    try:
        got.sum_to_size(expected.shape)
    except RuntimeError:
        transposed = got.dim() == expected.dim() >= 2 and got.mT.shape == expected.shape
        return "transposed" if transposed else "keepdim or dim of the forward call"
    return "broadcast: a sum over the broadcast dimensions is missing"


def _of_values(expected: Tensor, got: Tensor) -> str:
    scale = expected.abs().max() if expected.numel() else torch.tensor(0.0)
    if not scale:
        return "a part of the gradient should be zero"
    close = 1e-3 * float(scale)
    if not got.any():
        return "the gradient was dropped (all zeros)"
    wide = expected.dtype in {torch.float64, torch.complex128}
    if wide and float((got - expected).abs().max()) <= 1e-14 * float(scale):
        return "rounding: the same sum in another order?"
    if wide and float((got - expected).abs().max()) <= 1e-6 * float(scale):
        return "float32 arithmetic inside, or a constant that is not exact"
    if expected.is_complex() and torch.allclose(got, expected.conj(), 0, close):
        return "conj: a factor is not conjugated, or conjugated once too often"
    if torch.allclose(got, -expected, 0, close):
        return "the sign is flipped"
    factor = _common_factor(expected, got)
    if factor is not None:
        return f"scaled by {factor:.6g}"
    wrong = (got - expected).abs() > 1e-9 * scale
    count = int(wrong.sum())
    verb = "is" if count == 1 else "are"
    share = f"{count} of {counted(wrong.numel(), 'element')} {verb} wrong"
    return f"{share}: a branch, a tie or an index?" if not bool(wrong.all()) else ""


def _common_factor(expected: Tensor, got: Tensor) -> float | None:
    """The real factor between expected and got, if there is one."""
    large = expected.abs() > 1e-6 * expected.abs().max()
    ratios = got[large] / expected[large]
    first = ratios[0]
    same = bool(((ratios - first).abs() <= 1e-9 * first.abs()).all())
    real = not ratios.is_complex() or abs(complex(first).imag) < 1e-9
    return complex(first).real if same and real and len(ratios) > 1 else None


#: Smaller numbers count as this large: what is left of a sum whose terms cancel is rounding.
FLOOR = 1e-3
#: Below it numbers have fewer digits, as they are stored with fewer.
SMALLEST = 1e-290
#: The error of a sum in float64, relative to its terms.
ROUNDING = 64 * torch.finfo(torch.float64).eps


def agree(
    expected: Any,
    got: Any,
    what: str,
    allowed: float,
    message: str,
    *,
    scale: float = 0.0,
    caused: bool = True,
    floor: float = FLOOR,
) -> None:
    """Raise Violation unless ``got`` is ``expected``.

    None counts as zeros, since a rule may return either. nan and inf must be in the same places.

    Args:
        expected: a tensor, a Variable, None, or a plain value.
        got: what is compared with it.
        what: their name in the message.
        allowed: the error allowed, relative to the largest element expected; at 0 every
            bit of a number counts.
        message: what a difference means.
        scale: the size of the numbers that expected was computed from, if it is larger.
        caused: whether to look for a cause, since arithmetic may be the reason.
        floor: an error relative to this is allowed however small all numbers are.
    """
    scale = max(scale, floor)
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
        cause = probable_cause(expected, got) if caused else ""
        _refuse(message, Mismatch(what, None, _kind(expected), _kind(got), cause=cause))
    if torch.equal(expected, got) or expected.numel() == 0:
        return
    if _clearly_close(expected, got, allowed, scale):
        return
    _agree_elements(expected, got, what, allowed, message, scale, caused)


def _clearly_close(expected: Tensor, got: Tensor, allowed: float, scale: float) -> bool:
    """Whether they are so close that nothing else need be looked at; False where not finite."""
    if not (allowed and (expected.is_floating_point() or expected.is_complex())):
        return False
    distance = float((got - expected).abs().max())
    if distance <= allowed * scale:
        return True
    return distance <= allowed * float(expected.abs().max()) < math.inf


def all_finite(tensor: Tensor) -> bool:
    """Whether no element is inf or nan."""
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return True
    # A sum of finite numbers may overflow; one with inf or nan in it is never finite.
    return cmath.isfinite(tensor.sum().item()) or bool(torch.isfinite(tensor).all())


def agree_all(
    inputs: Sequence[Input],
    expected: Sequence[Any],
    got: Sequence[Any],
    allowed: float,
    message: str,
) -> None:
    """The same for the gradients of each input."""
    for given, e, g in zip(inputs, expected, got, strict=True):
        if given.domain in BOUND:  # outside the domain a gradient may be anything
            e, g = (tangent(given.domain, t) if isinstance(t, Tensor) else t for t in (e, g))
        agree(e, g, f"gradient of {given.name}", allowed, message)


def _agree_elements(
    expected: Tensor,
    got: Tensor,
    what: str,
    allowed: float,
    message: str,
    scale: float,
    caused: bool,
) -> None:
    shown = expected, got
    if not (expected.is_floating_point() or expected.is_complex()):
        expected, got = expected.double(), got.double()
    finite = torch.isfinite(expected)
    distance = (got - expected).abs()
    # Where it is not finite, both must have the same nan or inf.
    same = (expected == got) | (torch.isnan(expected) & torch.isnan(got))
    distance = torch.where(same, 0.0, torch.nan_to_num(distance, nan=math.inf))
    distance = torch.where(finite | same, distance, math.inf)
    largest = float(expected[finite].abs().max()) if bool(finite.any()) else 0.0
    worst = int(distance.argmax())
    absolute = float(distance.flatten()[worst])
    if absolute <= allowed * max(largest, scale):
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
        probable_cause(*shown) if caused else "",
    )
    _refuse(message, mismatch)


def _refuse(message: str, mismatch: Mismatch) -> None:
    raise Violation(f"{message}: {mismatch}", mismatch)


def _raw(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach() if value.requires_grad else value
    return value.data if isinstance(value, Variable) else value


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def _number(element: Tensor) -> str:
    value = element.item()
    return f"{value:.12g}" if isinstance(value, float | complex) else str(value)
