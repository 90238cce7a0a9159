"""Extremes: numbers that are very large or very small."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import FLOOR, ROUNDING, all_finite
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.inputs import castable
from plugrad.testing.laws.like_torch import compare_with_oracle, like_oracle
from plugrad.testing.laws.own_slope import check_own_slope
from plugrad.testing.laws.scaled import AT_ONCE, PATIENCE, narrowed, scaled
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.together import ones, vjps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.testing.call import Call, OracleCall
    from plugrad.testing.case import Case
    from plugrad.testing.laws.scaled import Scaled, Tried


#: Where all inputs are of this magnitude, the gradient is compared with the slope of forward, if
#: there is no reference. For magnitudes between these, ``stretched`` does the same.
_SLOPES = (1e-12, 1e6)
#: A number above it may well overflow float32 in between; one below it need not.
_FITS = 1e15
#: The relative error that rounding of an ill-conditioned problem may have.
_ROUGH = 1e-3
#: By how much numbers are changed that must then give results in a line, and how nearly.
_NEAR, _BEND = 2.0**-10, 1e-4


@LAWS.law("magnitudes", "special points")
def magnitudes(case: Case) -> None:
    """Large and tiny numbers give the right results, also in float32.

    ``log(1 + exp(x))`` is x for a large x, but inf if ``exp`` overflows first: then the
    value in float32 is not finite where the value in float64 is moderate. The same must
    hold for the gradient, and both must equal the reference's if there is one, relative to it
    however small it is. Without a reference the gradient must be about the slope of forward.
    """
    if not case.is_in_float64:
        raise NotApplicable("the sample is not in float64")
    refuse_undifferentiable(case)
    numbers = scaled(case)
    _judge_rows(case, numbers)
    tried = list(_called_patiently(case, numbers))
    _judge_together(case, tried)
    found, is_judged = 0, _is_to_have_slopes(case)
    for one in tried:
        found += one.alike or (one.beside is not None and _like_reference(case, one))
        found += one.fits or (one.narrow is not None and _moderate(case, one))
        if is_judged and one.of_all and one.magnitude in _SLOPES and one.has_wrong_slope(case):
            check_own_slope(case, one.values, one.what)
    if not found:
        raise NotApplicable("forward is not finite beyond the samples' range")


def _is_to_have_slopes(case: Case) -> bool:
    """Whether nothing else judges the gradient, which claims to be the slope of forward."""
    surrogate = case.op.declaration.as_surrogate
    return case.op.reference is None and not surrogate and case.waiver("numeric") is None


def _called_patiently(case: Case, numbers: Scaled) -> Iterator[Tried]:
    """Those that were called, without those whose calls would take too long.

    If a number says how often a loop runs, the next magnitude takes even longer.
    """
    before: Tried | None = None
    took = least = 0.0
    for one in numbers.resized:
        if one.is_settled:
            before, took = one, 0.0 if numbers.is_quick else math.inf
            yield one
            continue
        if before is not None and 1 < before.magnitude < one.magnitude:
            most = least + PATIENCE * before.magnitude / one.magnitude
            far = one.magnitude > AT_ONCE and not numbers.is_quick
            if far and case.op.declaration.reference is not None:
                took = before.timed_beside(case)  # it may remember the rows' numbers
                took = took if took <= most else min(took, before.timed_beside(case, 2))
            elif took > most:
                took = min(took, before.timed_beside(case))  # as in _is_quick
            slow = took * one.magnitude / before.magnitude > PATIENCE  # if it is a loop
            if took > most or (far and slow and numbers.counts):
                continue
        before, took = one, one.timed(case)
        least = min(least or took, took)
        yield one


# --- what one call, or one backward, tells of several magnitudes ------------------------


def _judge_rows(case: Case, numbers: Scaled) -> None:
    """Find out in one call of all what is right; what is not right there is tried by itself.

    So is what a reference of the op's own has to judge, unless that is known to be quick: how long
    it takes for a number must show. It may also choose another side of a tie in a batch, which a
    waiver must not depend on.
    """
    rows = numbers.rows
    if rows is None:
        return
    referred = case.op.reference is not None
    trusted = numbers.is_quick and case.waiver("magnitudes") is None
    compared = referred and (trusted or case.op.declaration.reference is None)
    alike = numbers.alike if compared else [False] * rows.count
    fits, narrow = [False] * rows.count, []
    with suppress(Exception):
        narrow = rows.run(_narrow_results, narrowed(rows.values))
        fits = rows.finite(narrow)
    for number, one in enumerate(numbers.in_rows, len(numbers.stretched)):
        one.alike, one.fits = alike[number], fits[number]
        one.is_settled = one.fits and (one.alike or not referred)
        if one.fits:
            one.results = [None if t is None else t[number] for t in narrow]


def _judge_together(case: Case, tried: Sequence[Tried]) -> None:
    """Find out in one backward of all calls what is right."""
    beside = [one for one in tried if one.beside is not None]
    found = like_oracle(case, [one.beside for one in beside], [one.floor for one in beside])
    for one, alike in zip(beside, found, strict=True):
        one.alike = alike
    narrow = [(one, call) for one in tried if (call := one.narrow) is not None and call.roots]
    slopes = vjps([call for _, call in narrow], [ones(call) for _, call in narrow])
    for (one, call), gradients in zip(narrow, slopes or (), strict=slopes is not None):
        one.results = _with_outputs(call, gradients)
        one.fits = all(t is None or all_finite(t) for t in one.results)


def _like_reference(case: Case, one: Tried) -> bool:
    """Compare with the reference, if there is one that gives finite numbers here."""
    values = one.values
    try:
        theirs = case.oracle.call([t.clone() for t in values])
        call = case.call([t.clone() for t in values])
    except Exception:  # for example a series that does not converge there
        return False
    finite = all(all_finite(o) for o in theirs.values if isinstance(o, Tensor))
    if not finite:
        return False
    try:
        _compare(case, call, theirs, one)
    except Violation as violation:
        mismatch = violation.mismatch
        if mismatch is not None and mismatch.expected in ("inf", "-inf", "nan"):
            return False
        raise
    except Exception:  # the reference's derivative, say a series that does not converge there
        return False
    return True


def _compare(case: Case, call: Call, theirs: OracleCall, one: Tried) -> None:
    """Compare tiny results relative to their own size, if the reference has digits there."""
    compare = partial(compare_with_oracle, case, call, theirs, one.what)
    try:
        compare(forgives=_Roughness(one.magnitude), floor=one.floor)
    except Violation:
        if one.floor == FLOOR or _is_smooth(case, one.values):
            raise
        compare(forgives=_Roughness(one.magnitude))


def _is_smooth(case: Case, values: Sequence[Tensor]) -> bool:
    """Whether the reference has digits here: if not, its results jump between near numbers."""
    calls = []
    try:
        for step in range(3):
            moved = [
                t * (1 + step * _NEAR) if i in case.wanted else t.clone()
                for i, t in enumerate(values)
            ]
            calls.append(case.oracle.call(moved))
        given = [[torch.ones_like(c.outputs[n]) for n in c.root_numbers] for c in calls]
        found = [[*c.values, *c.vjp(g)] for c, g in zip(calls, given, strict=True)]
    except Exception:
        return False
    return all(map(_is_straight, *found))


def _is_straight(first: Any, middle: Any, last: Any) -> bool:
    """Whether three results, of numbers in equal steps, are nearly in a line."""
    if not isinstance(first, Tensor) or not castable(first) or not first.numel():
        return True
    size = float(first.abs().max())
    # What is exactly zero may have been rounded to it.
    return size > 0 and float((first - 2 * middle + last).abs().max()) <= _BEND * size


class _Roughness:
    """Forgives what is not grossly wrong: where a problem is ill-conditioned neither is exact.

    Once it has shown to be so, it also forgives what is left where terms of this magnitude cancel.
    """

    def __init__(self, magnitude: float) -> None:
        self._rounding = ROUNDING * max(magnitude, magnitude * magnitude)
        self._seen = False

    def __call__(self, violation: Violation) -> bool:
        mismatch = violation.mismatch
        if mismatch is None or mismatch.relative is None or mismatch.absolute is None:
            return False
        small = self._seen and mismatch.absolute <= self._rounding
        rough = mismatch.relative < _ROUGH or small
        self._seen |= rough
        return rough


def _moderate(case: Case, one: Tried) -> bool:
    narrow = one.results or _results(case, narrowed(one.values))
    if narrow is None:
        return False
    lost = [n for n, t in enumerate(narrow) if t is not None and not all_finite(t)]
    if not lost:
        return True
    wide = _results(case, one.values)
    if wide is None or not all(_is_moderate(t) for t in wide if t is not None):
        return False
    number = lost[0]
    exact, rounded = wide[number], narrow[number]
    if rounded.dtype is torch.float32 and exact is not None:
        place = int((~torch.isfinite(rounded)).flatten().nonzero()[0])
        raise Violation(
            f"{one.what}: in float32 the {_name(case, number, len(wide))} is "
            f"{float(rounded.flatten()[place])} where float64 has "
            f"{float(exact.flatten()[place]):.6g}: something overflows in between"
        )
    return True


def _results(case: Case, values: list[Tensor]) -> list[Any] | None:
    """The outputs and the gradients of ones; None if the op raises."""
    try:
        call = case.call([t.clone() for t in values])
        if not call.roots:
            return None
        gradients = call.vjp(ones(call))
    except Exception:
        return None
    return _with_outputs(call, gradients)


def _narrow_results(call: Call) -> list[Any]:
    return _with_outputs(call, call.vjp(ones(call)))


def _with_outputs(call: Call, gradients: Sequence[Any]) -> list[Any]:
    return [*_outputs(call), *[gradients[i] for i in call.case.wanted]]


def _outputs(call: Call) -> list[Tensor]:
    return [t for t in call.tensors if isinstance(t, Tensor) and t.is_floating_point()]


def _is_moderate(tensor: Tensor) -> bool:
    size = tensor.abs()
    return bool((torch.isfinite(size) & (size < _FITS)).all())


def _name(case: Case, number: int, count: int) -> str:
    outputs = count - len(case.wanted)
    if number < outputs:
        return f"output {number}"
    return f"gradient of {case.inputs[case.wanted[number - outputs]].name}"
