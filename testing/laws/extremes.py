"""Extremes: numbers that are very large or very small, and the second derivative at edges."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import all_finite
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.inputs import cast, castable
from plugrad.testing.laws.like_torch import (
    beside_oracle,
    compare_with_oracle,
    like_oracle,
    like_oracle_at_once,
)
from plugrad.testing.laws.numeric import WIDE
from plugrad.testing.laws.special_points import placed
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.together import at_once, vjps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.testing.call import Call, OracleCall
    from plugrad.testing.case import Case


#: The samples' largest numbers are scaled to these. Beyond them, squares leave float32.
MAGNITUDES = (1e-12, 1e-6, 10.0, 30.0, 100.0, 300.0, 1000.0, 1e6)
#: Where digits are lost that 1e-12 has lost altogether.
_DIGITS = 1e-6
#: The same of one input alone.
_ALONE = (1e-6, 100.0, 1e6)
#: A number above it may well overflow float32 in between; one below it need not.
_FITS = 1e15
#: The relative error that rounding of an ill-conditioned problem may have.
_ROUGH = 1e-3
#: Seconds that a magnitude may take, by how long the one before took.
_PATIENCE = 2.0
#: How much longer a large number takes than the quickest one if it is the length of a loop.
_GROWS = 4.0


@LAWS.law("magnitudes", "special points")
def magnitudes(case: Case) -> None:
    """Large and tiny numbers give the right results, also in float32.

    ``log(1 + exp(x))`` is x for a large x, but inf if ``exp`` overflows first: then the
    value in float32 is not finite where the value in float64 is moderate. The same must
    hold for the gradient, and both must equal the reference's if there is one.
    """
    if not all(case.inputs[i].tensor.dtype is torch.float64 for i in case.wanted):
        raise NotApplicable("the sample is not in float64")
    refuse_undifferentiable(case)
    resized = list(_resized(case))
    every = [values for values, *_ in resized]
    alike = like_oracle_at_once(case, every) if case.op.reference else [False] * len(every)
    fits = [_fits_at_once(case, every)] * len(every)
    calls = _patiently(case, resized, alike, fits)
    together = like_oracle(case, [pair for pair, _ in calls])
    fitting = _fitting(case, [narrow for _, narrow in calls])
    tried, before, hopeless = 0, 0.0, False
    for n, (values, what, magnitude) in enumerate(resized):
        pair, narrow = calls[n]
        # What has lost digits at a large number has fewer left at larger ones.
        hopeless &= magnitude > before
        before = magnitude
        if alike[n] or together[n]:
            tried += 1
        elif pair is not None and not hopeless:
            close = _like_reference(case, values, what)
            tried += close is not None
            hopeless = close is False and magnitude > 1
        tried += fits[n] or fitting[n] or (narrow is not None and _moderate(case, values, what))
    if not tried:
        raise NotApplicable("forward is not finite beyond the samples' range")


_Pair = tuple["Call", "OracleCall"]


def _patiently(
    case: Case,
    resized: Sequence[tuple[list[Tensor], str, float]],
    alike: Sequence[bool],
    fits: Sequence[bool],
) -> list[tuple[_Pair | None, Call | None]]:
    """For each magnitude the call and the reference's, and the call in float32.

    None for what is known or has nothing to show. If a number says how often a loop runs, the
    next magnitude takes even longer; those that would take too long are left out.
    """
    made: list[tuple[_Pair | None, Call | None]] = []
    before, took, least = 0.0, 0.0, math.inf
    for (values, _, magnitude), like, fit in zip(resized, alike, fits, strict=True):
        grows = 1 < before < magnitude and took > _GROWS * least
        if grows and took * magnitude / before > _PATIENCE:
            made.append((None, None))
            continue
        start = time.thread_time()  # how busy the machine is must not decide what is tried
        known = like or case.op.reference is None
        pair = None if known else _finite_pair(case, values)
        made.append((pair, None if fit else _narrow(case, values)))
        before, took = magnitude, time.thread_time() - start
        least = min(least, took)
    return made


def _finite_pair(case: Case, values: list[Tensor]) -> _Pair | None:
    """The call and the reference's, if that gives finite numbers here; a series may not."""
    pair = beside_oracle(case, values)
    if pair is None or pair[1].own_forward:
        return None
    finite = all(all_finite(o) for o in pair[1].values if isinstance(o, Tensor))
    return pair if finite else None


def _narrow(case: Case, values: list[Tensor]) -> Call | None:
    """The call in float32, if it has gradients."""
    try:
        call = case.call([cast(t, torch.float32) if castable(t) else t.clone() for t in values])
    except Exception:
        return None
    return call if call.roots else None


def _fitting(case: Case, calls: Sequence[Call | None]) -> list[bool]:
    """Whose outputs and gradients are finite, as far as one backward of all tells."""
    asked = [call for call in calls if call is not None and _all_finite(_outputs(call))]
    found = vjps(asked, [_ones(call) for call in asked])
    if found is None:
        return [False] * len(calls)
    pairs = zip(asked, found, strict=True)
    fit = {id(call) for call, own in pairs if _all_finite([own[i] for i in case.wanted])}
    return [id(call) in fit for call in calls]


def _all_finite(tensors: Sequence[Any]) -> bool:
    return all(t is None or all_finite(t) for t in tensors)


def _resized(case: Case) -> Iterator[tuple[list[Tensor], str, float]]:
    """The sample with its largest numbers made each of MAGNITUDES: of all inputs, and of each."""
    wanted = case.wanted
    sizes = [_largest(given.tensor) for given in case.inputs]
    for chosen in [wanted, *([i] for i in wanted if len(wanted) > 1)]:
        names = ", ".join(case.inputs[i].name for i in chosen)
        for magnitude in MAGNITUDES if chosen is wanted else _ALONE:
            # What overflows there overflows at 1e-12, too; a reference also shows lost digits.
            if magnitude == _DIGITS and case.op.reference is None and chosen is wanted:
                continue
            values = case.values
            for i in chosen:
                if sizes[i]:
                    # In float32, so that both are of the same numbers.
                    values[i] = (values[i] * (magnitude / sizes[i])).float().double()
            if case.allows(values):
                yield values, f"numbers of {names} up to {magnitude:g}", magnitude


def _largest(tensor: Tensor) -> float:
    return float(tensor.abs().nan_to_num().max()) if castable(tensor) and tensor.numel() else 0.0


def _like_reference(case: Case, values: list[Tensor], what: str) -> bool | None:
    """Whether it is close to the reference, or else off by no more than an ill-conditioned one.

    None if there is nothing to compare.
    """
    pair = beside_oracle(case, values)
    if pair is None:
        return None
    try:
        compare_with_oracle(case, *pair, what)
    except Violation as violation:
        # Where a problem is ill-conditioned neither is exact: only what is grossly wrong counts.
        mismatch = violation.mismatch
        if mismatch is not None and mismatch.expected in ("inf", "-inf", "nan"):
            return None
        if mismatch is None or mismatch.relative is None or not mismatch.relative < _ROUGH:
            raise
        return False
    return True


def _fits_at_once(case: Case, several: Sequence[list[Tensor]]) -> bool:
    """Whether nothing overflows in float32 in any of these, of an elementwise op: in one call.

    There an element says nothing of the others. If something overflows, each is tried by itself.
    """
    values = at_once(case, several)
    if values is None:
        return False
    narrow = _results(case, [cast(t, torch.float32) for t in values])
    return narrow is not None and all(t is not None and all_finite(t) for t in narrow)


def _moderate(case: Case, values: list[Tensor], what: str) -> bool:
    narrow = _results(case, [cast(t, torch.float32) if castable(t) else t for t in values])
    if narrow is None:
        return False
    lost = [n for n, t in enumerate(narrow) if t is not None and not all_finite(t)]
    if not lost:
        return True
    wide = _results(case, values)
    if wide is None or not all(_is_moderate(t) for t in wide if t is not None):
        return False
    number = lost[0]
    exact, rounded = wide[number], narrow[number]
    if rounded.dtype is torch.float32 and exact is not None:
        place = int((~torch.isfinite(rounded)).flatten().nonzero()[0])
        raise Violation(
            f"{what}: in float32 the {_name(case, number, len(wide))} is "
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
        gradients = call.vjp(_ones(call))
    except Exception:
        return None
    return [*_outputs(call), *[gradients[i] for i in case.wanted]]


def _ones(call: Call) -> list[Tensor]:
    return [torch.ones_like(call.engine.raw(root)) for root in call.roots]


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


# --- the second derivative at edges --------------------------------------------------


@LAWS.law("no-nan-twice", "special points", explained_by=("no-nan", "once-differentiable"))
def no_nan_twice(case: Case) -> None:
    """The second derivative is not nan where the first is finite, unless torch's is nan too.

    A rule that guards its result, ``where(x > 0, gy / x, 0)``, but not its input gives 0
    times inf when it is differentiated itself. It is tried at 0, 1 and -1, in one element
    and in all.
    """
    call = refuse_undifferentiable(case)
    if case.op.once_differentiable:
        raise NotApplicable("backward is once_differentiable")
    if not all(case.inputs[i].tensor.dtype in WIDE for i in case.wanted):
        raise NotApplicable("the sample is not in float64")
    suspects = _suspects(case)
    for number, (what, values) in enumerate(_edges(case) if suspects else ()):
        if number in suspects:
            _check_second(case, values, what)
    if not call.roots:
        raise NotApplicable("no output is differentiable")


def _edges(case: Case) -> Iterator[tuple[str, list[Tensor]]]:
    """The sample, and the sample with 0, 1 and -1 in each input."""
    yield "the sample", case.values
    for i in case.wanted:
        for value in (0.0, 1.0, -1.0):
            for where, values in placed(case, i, value):
                if case.allows(values):
                    yield f"{value:g} in {where} of {case.inputs[i].name}", values


def _suspects(case: Case) -> set[int]:
    """Which of these have a nan in the second derivative, as far as one backward of all tells."""
    if _finite_at_once(case):
        return set()
    calls: dict[int, Call] = {}
    for number, (_, values) in enumerate(_edges(case)):
        with suppress(Exception):
            call = case.call(values)
            if call.roots and _all_finite([call.engine.raw(r) for r in call.roots]):
                calls[number] = call
    engine = case.op.engine
    ones = [[engine.leaf(t) for t in _ones(call)] for call in calls.values()]
    firsts = vjps(list(calls.values()), ones, create_graph=True)
    if firsts is None:
        return set(calls)
    tracked = {
        number: [g for g in own if engine.is_tracked(g)]
        for number, own in zip(calls, firsts, strict=True)
    }
    tracked = {n: own for n, own in tracked.items() if _all_finite([engine.raw(g) for g in own])}
    gradients = [g for own in tracked.values() for g in own]
    if not gradients:
        return set()
    places = [(n, i) for n in tracked for i in case.wanted]
    try:
        found = engine.grad(
            gradients,
            [torch.ones_like(engine.raw(g)) for g in gradients],
            [calls[n].variables[i] for n, i in places],
        )
    except Exception:
        return set(calls)
    pairs = zip(places, found, strict=True)
    return {n for (n, _), g in pairs if g is not None and _has_nan(g)}


def _finite_at_once(case: Case) -> bool:
    """Whether the second derivatives of an elementwise op are finite in one call of all edges."""
    values = at_once(case, (values for _, values in _edges(case)))
    if values is None:
        return False
    try:
        second = _second(case.call(values))
    except Exception:
        return False
    return second is not None and _all_finite(second)


def _check_second(case: Case, values: list[Tensor], what: str) -> None:
    try:
        ours = _second(case.call([t.clone() for t in values]))
    except Exception:
        return
    if ours is None or not any(g is not None and _has_nan(g) for g in ours):
        return
    theirs = _torchs_second(case, values)
    for i, gradient in zip(case.wanted, ours, strict=True):
        if gradient is None or not _has_nan(gradient):
            continue
        if theirs is not None and (theirs[i] is None or bool(torch.isnan(theirs[i]).any())):
            continue
        place = int(torch.isnan(gradient).flatten().nonzero()[0])
        raise Violation(
            f"{what}: the gradient is finite, but the second derivative in "
            f"{case.inputs[i].name} is nan where it is {values[i].flatten()[place].item()}: guard "
            "what the rule divides by or takes the root of, not its result"
        )


def _second(call: Call) -> Sequence[Any] | None:
    """The gradients of the sum of the gradients; None where those are not finite."""
    engine = call.engine
    if not call.roots or not all(all_finite(engine.raw(r)) for r in call.roots):
        return None
    ones = [engine.leaf(torch.ones_like(engine.raw(root))) for root in call.roots]
    first = [g for g in call.vjp(ones, create_graph=True) if engine.is_tracked(g)]
    if not first or not all(all_finite(engine.raw(g)) for g in first):
        return None
    wanted = [call.variables[i] for i in call.case.wanted]
    return engine.grad(first, [torch.ones_like(engine.raw(g)) for g in first], wanted)


def _torchs_second(case: Case, values: list[Tensor]) -> list[Any] | None:
    """The same of the oracle; None where there is none."""
    try:
        theirs = case.oracle.call([t.clone() for t in values])
        ones = [torch.ones_like(theirs.outputs[n]) for n in theirs.root_numbers]
        first = [g for g in theirs.vjp(ones, create_graph=True) if g is not None]
        tracked = [g for g in first if g.requires_grad]
        if not tracked:
            return None
        wanted = [theirs.leaves[i] for i in case.wanted]
        found = torch.autograd.grad(
            tracked, wanted, [torch.ones_like(g) for g in tracked], allow_unused=True
        )
    except (NotApplicable, RuntimeError):
        return None
    second: list[Any] = [None] * len(case.inputs)
    for i, gradient in zip(case.wanted, found, strict=True):
        second[i] = gradient
    return second


def _has_nan(tensor: Tensor) -> bool:
    return not all_finite(tensor) and bool(torch.isnan(tensor).any())
