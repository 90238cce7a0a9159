"""Extremes: numbers that are very large or very small, and the second derivative at edges."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import all_finite
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.inputs import cast, castable
from plugrad.testing.laws.like_torch import compare_with_oracle
from plugrad.testing.laws.numeric import WIDE
from plugrad.testing.laws.special_points import placed
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.together import at_once, finite_calls, vjps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugrad.testing.call import Call
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
#: Up to here several are tried in one call; what a larger one takes is told by the one before.
_AT_ONCE = 1000.0


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
    fits = _fits_at_once(case)

    def compared(values: list[Tensor], what: str, magnitude: float) -> int:
        alike = _like_reference(case, values, what)
        return alike + ((fits and magnitude <= _AT_ONCE) or _moderate(case, values, what))

    tried, before, took, last = 0, 0.0, 0.0, partial(int)
    for values, what, magnitude in _resized(case):
        # If a number says how often a loop runs, the next magnitude would take even longer.
        most = _PATIENCE * before / magnitude
        if 1 < before < magnitude and took > most:
            _, again = _timed(last)  # the first time there may have been a pause of Python's own
            took = min(took, again)
            if took > most:
                continue
        last = partial(compared, values, what, magnitude)
        found, took = _timed(last)
        tried, before = tried + found, magnitude
    if not tried:
        raise NotApplicable("forward is not finite beyond the samples' range")


def _timed(check: Callable[[], int]) -> tuple[int, float]:
    """What it says, and the seconds that this thread computed: others may keep the machine busy."""
    start = time.thread_time()
    return check(), time.thread_time() - start


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


def _like_reference(case: Case, values: list[Tensor], what: str) -> bool:
    """Compare with the reference, if there is one that gives finite numbers here."""
    if case.op.reference is None:
        return False
    try:
        theirs = case.oracle.call([t.clone() for t in values])
        call = case.call([t.clone() for t in values])
    except Exception:  # for example a series that does not converge there
        return False
    finite = all(all_finite(o) for o in theirs.values if isinstance(o, Tensor))
    if theirs.own_forward or not finite:
        return False
    try:
        compare_with_oracle(case, call, theirs, what)
    except Violation as violation:
        # Where a problem is ill-conditioned neither is exact: only what is grossly wrong counts.
        mismatch = violation.mismatch
        if mismatch is not None and mismatch.expected in ("inf", "-inf", "nan"):
            return False
        if mismatch is None or mismatch.relative is None or not mismatch.relative < _ROUGH:
            raise
    except Exception:  # the reference's derivative, say a series that does not converge there
        return False
    return True


def _fits_at_once(case: Case) -> bool:
    """Whether nothing overflows in float32 up to _AT_ONCE, of an elementwise op: in one call.

    There an element says nothing of the others. If something overflows, each is tried by itself.
    """
    inputs = case.inputs
    alike = len({given.tensor.shape for given in inputs}) == 1
    if not case.shared.is_elementwise or not alike or any(given.domain for given in inputs):
        return False
    if len(case.wanted) != len(inputs):
        return False
    resized = [values for values, _, magnitude in _resized(case) if magnitude <= _AT_ONCE]
    stacked = [torch.stack(of_input) for of_input in zip(*resized, strict=True)]
    narrow = _results(case, [cast(t, torch.float32) for t in stacked])
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
    calls = finite_calls(case, (values for _, values in _edges(case)))
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
