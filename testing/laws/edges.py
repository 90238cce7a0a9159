"""The second derivative at edges of the domain."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import all_finite
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.numeric import WIDE
from plugrad.testing.laws.special_points import special_rows, specials
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.together import finite_calls, ones, vjps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case
    from plugrad.testing.rows import Rows


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
    for value, where, values in specials(case, _EDGES):
        yield f"{value:g} in {where}", values


_EDGES = (0.0, 1.0, -1.0)


def _suspects(case: Case) -> set[int]:
    """Which of these have a nan in the second derivative, as far as one backward of all tells."""
    with suppress(Exception):
        rows = special_rows(case)
        if rows is not None and (in_rows := _nan_rows(rows)) is not None:
            if not in_rows:
                return set()
            names = {str(value) for value in _EDGES}  # which -0 equals, but is not
            asked = [str(number) in names for number in case.shared.special_numbers]
            edges = [rows.count - 1, *(n for n, is_edge in enumerate(asked) if is_edge)]
            return {number for number, row in enumerate(edges) if row in in_rows}
    calls = finite_calls(case, (values for _, values in _edges(case)))
    engine = case.op.engine
    given = [[engine.leaf(t) for t in ones(call)] for call in calls.values()]
    firsts = vjps(list(calls.values()), given, create_graph=True)
    if firsts is None:
        return set(calls)
    tracked = {
        number: [g for g in own if engine.is_tracked(g)]
        for number, own in zip(calls, firsts, strict=True)
    }
    tracked = {n: own for n, own in tracked.items() if all(all_finite(engine.raw(g)) for g in own)}
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


def _nan_rows(rows: Rows) -> set[int] | None:
    """The rows that are finite, but have a nan in the second derivative; None if they mix."""
    inputs, found = len(rows.case.inputs), rows.run(_orders)
    if not rows.are_apart(found[:inputs]):
        return None
    outputs, second = found[inputs:-inputs], [g for g in found[-inputs:] if g is not None]
    finite, whole = rows.finite(outputs), rows.finite(second)
    return {
        n
        for n in range(rows.count)
        if finite[n] and not whole[n] and any(bool(torch.isnan(g[n]).any()) for g in second)
    }


def _orders(call: Call) -> list[Any]:
    """A gradient of each input; outputs and gradients with a graph; a gradient of these of each."""
    engine, wanted = call.engine, call.case.wanted
    first = call.vjp([engine.leaf(c) for c in ones(call)], create_graph=True)
    tracked = [g for g in first if engine.is_tracked(g)]
    second: list[Any] = [None] * len(first)
    if tracked:
        given = [torch.ones_like(engine.raw(g)) for g in tracked]
        found = engine.grad(tracked, given, [call.variables[i] for i in wanted])
        for i, gradient in zip(wanted, found, strict=True):
            second[i] = gradient
    return [*map(engine.raw, [*first, *call.roots, *tracked]), *second]


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
    given = [engine.leaf(t) for t in ones(call)]
    first = [g for g in call.vjp(given, create_graph=True) if engine.is_tracked(g)]
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
