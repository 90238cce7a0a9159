"""check_own_slope: whether forward changes as its gradient says, at numbers of any size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from plugrad.testing.agree import ROUNDING, SMALLEST, all_finite
from plugrad.testing.law import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case

#: By how much numbers are changed, relative to themselves. A long step shows what is left of a sum
#: that loses digits; a short one is needed where forward bends.
_STEPS = (2.0**-2, 2.0**-7, 2.0**-13, 2.0**-20, 2.0**-27)
#: The step that shows that most right gradients are right.
_QUICK = 2.0**-7
_ONE = torch.ones(())
#: How near the slopes of a step and of half of it must be, and the rounding be small.
_STEADY = 2e-3
#: A gradient further off than this, relative to the larger of the two, is wrong.
_GROSS = 0.05
_RULE = {
    True: "the gradient is not the slope of forward",
    False: "forward does not change as its gradient says",
}


def check_own_slope(case: Case, values: Sequence[Tensor], what: str) -> None:
    """Compare the gradient at ``values`` with the slope of forward; a wrong one is a Violation.

    All numbers are moved at once, each in proportion to itself. Where no step is long enough for
    the rounding and short enough for forward's bends, nothing is known. On torch's engine it is a
    failure only where the sample declares a domain: the numbers may not be meant. What is wrong at
    the sample itself ``numeric`` tells, and ``stretched`` what is wrong near it.

    Args:
        case: whose op is called, in float64.
        values: of its inputs.
        what: the values in words.
    """
    wrong = _wrong_slope(case, values)
    if wrong is not None and not any(_wrong_slope(case, near) for near in _near(case)):
        raise Violation(
            f"{what}: {_RULE[bool(wrong.measured)]}: moved in proportion to themselves, they "
            f"change the output by {wrong.measured:.6g}, where the gradient says {wrong.told:.6g}",
            tolerated=not any(case.inputs[i].domain for i in case.wanted),
        )


def looks_right(case: Case, values: Sequence[Tensor], gradients: Sequence[Any]) -> bool:
    """Whether one step shows that gradients are about the slope, or that no step shows anything.

    Args:
        case: whose op is called, in float64.
        values: of its inputs.
        gradients: of the differentiable inputs for cotangents of ones, in any floating dtype.
    """
    of_inputs: list[Any] = [None] * len(values)
    for i, gradient in zip(case.wanted, gradients, strict=True):
        of_inputs[i] = gradient
    roots = case.shared.call.root_numbers
    slope = _Line(case, values, roots, [_ONE] * len(roots), of_inputs).slope(_QUICK)
    if slope is None:
        return False
    return slope.is_flat or slope.is_hopeless or (slope.is_known and slope.is_right)


def _near(case: Case) -> Iterator[list[Tensor]]:
    """What other laws judge: the sample, and the most that ``stretched`` changes it by."""
    for factor in (1.0, 1e3, 1e-3):
        yield [t * factor if i in case.wanted else t for i, t in enumerate(case.values)]


def _wrong_slope(case: Case, values: Sequence[Tensor]) -> _Slope | None:
    try:
        call = case.call([t.clone() for t in values])
        if not _is_simple(case, call):
            return None
        cotangents = call.cotangents()
        gradients = call.vjp([c.clone() for c in cotangents])
    except Exception:  # which other laws tell, or these values are refused
        return None
    if not all(g is None or all_finite(g) for g in gradients):
        return None
    return _Line(case, values, call.root_numbers, cotangents, gradients).wrong_slope()


def _is_simple(case: Case, call: Call) -> bool:
    """Whether the outputs are real and finite numbers that a step can change."""
    roots = [call.engine.raw(root) for root in call.roots]
    return (
        bool(roots)
        and not case.sample.kink
        and all(r.dtype is torch.float64 and r.numel() and all_finite(r) for r in roots)
    )


class _Slope(NamedTuple):
    """Along a line: by differences, as the gradient tells it, and how far rounding changes it."""

    measured: float
    told: float
    rounding: float

    @property
    def is_known(self) -> bool:
        """Whether rounding does not matter."""
        return max(abs(self.measured), abs(self.told)) * _STEADY > max(self.rounding, SMALLEST)

    @property
    def is_flat(self) -> bool:
        """Whether nothing changes, and the gradient says so."""
        return self.measured == self.told == 0

    @property
    def is_hopeless(self) -> bool:
        """Whether of this, by the step _QUICK, rounding would hide all in the longest step too."""
        size = max(abs(self.measured), abs(self.told)) * _STEADY
        return self.rounding * _QUICK / _STEPS[0] > size

    @property
    def is_right(self) -> bool:
        """Whether both are about the same."""
        size = max(abs(self.measured), abs(self.told))
        return abs(self.measured - self.told) <= _GROSS * size

    def is_shown_by(self, other: _Slope | None) -> bool:
        """Whether another step has found the same, as nearly as can be."""
        # The gradient is no measure: waves that a step cannot see have small differences.
        size = max(abs(self.measured), abs(other.measured)) if other is not None else 0.0
        return other is not None and self._distance(other) <= _STEADY * size

    def is_refuted_by(self, other: _Slope | None) -> bool:
        """Whether a shorter step has found another slope, which is no rounding."""
        size = max(abs(self.measured), abs(self.told))
        if other is None or other.rounding > _STEADY * size:
            return False
        return self._distance(other) > _GROSS * size

    def _distance(self, other: _Slope) -> float:
        return abs(self.measured - other.measured)


class _Line:
    """The values of a call's inputs, moved along a random direction."""

    def __init__(
        self,
        case: Case,
        values: Sequence[Tensor],
        roots: Sequence[int],
        cotangents: Sequence[Tensor],
        gradients: Sequence[Any],
    ) -> None:
        self.case, self.values, self.roots = case, values, roots
        self.cotangents, self.gradients = cotangents, gradients
        self.direction = case.shared.direction

    def wrong_slope(self) -> _Slope | None:
        """The slope that steps of all lengths agree on, if it is not what the gradient tells."""
        for number, step in enumerate(_STEPS):
            long = self.slope(step)
            if long is None:
                continue
            if long.is_right or not long.is_known:  # a shorter one shows even less
                return None
            if long.is_shown_by(self.slope(step / 2)) and long.is_shown_by(self.slope(step / 4)):
                # A staircase looks like a slope from afar.
                near = map(self.slope, _STEPS[number + 1 :])
                return None if any(map(long.is_refuted_by, near)) else long
        return None

    def _end(self, step: float) -> list[Tensor]:
        moved = [t.clone() for t in self.values]
        for i in self.case.wanted:
            moved[i] = moved[i] * (1 + step * self.direction[i])
        return moved

    def slope(self, step: float) -> _Slope | None:
        """By a step there and back; None where forward is not tried, or raises."""
        after, before = self._end(step), self._end(-step)
        if not self.case.allows(after) or not self.case.allows(before):
            return None
        moves = [(self.gradients[i], after[i] - before[i]) for i in self.case.wanted]
        told = sum(float((g * by).sum()) for g, by in moves if g is not None)
        try:
            ends = self.case.forward(after), self.case.forward(before)
        except Exception:  # these values are refused
            return None
        measured = rounding = 0.0
        for n, cotangent in zip(self.roots, self.cotangents, strict=True):
            high, low = (end[n] for end in ends)
            if high.shape != low.shape or cotangent.shape not in (high.shape, _ONE.shape):
                return None
            measured += float((cotangent * (high - low)).sum())
            rounding += float((cotangent * high).abs().sum() + (cotangent * low).abs().sum())
        found = _Slope(*(v / (2 * step) for v in (measured, told, ROUNDING * rounding)))
        return found if all(map(math.isfinite, found)) else None
