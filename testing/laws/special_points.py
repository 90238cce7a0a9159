"""Special points: kinks, edges of the domain, branches, and other sizes."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import all_finite
from plugrad.testing.call import refuse_surrogate
from plugrad.testing.domains import BOUND
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.jacobians import jacobians, of_rule
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.inputs import castable, is_index
from plugrad.testing.laws.like_torch import beside_oracle, compare_with_oracle, like_oracle
from plugrad.testing.laws.numeric import FULL, WIDE, check_directions, needs_wide
from plugrad.testing.laws.scaled import scaled
from plugrad.testing.laws.ties import check_tied, rank_hint, slopes_right
from plugrad.testing.rows import as_rows
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.steady import steady_call
from plugrad.testing.together import finite_calls, ones, vjps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case, Input
    from plugrad.testing.rows import Rows


@LAWS.law("kinks", "special points")
def kinks(case: Case) -> None:
    """At a declared kink the gradient is between the one-sided derivatives.

    Any such number is a derivative there; if there is a reference, it decides which one. Where
    equal elements move together and forward is smooth, the gradient must be the slope: that of
    a maximum is shared by those that are it. A declared kink where forward is smooth is a
    mistake too.
    """
    if not case.sample.kink:
        raise NotApplicable("the sample is not declared to be at a kink")
    refuse_surrogate(case)
    call = steady_call(case)
    needs_wide(case, call)
    if not any(root.numel() for root in call.roots):
        raise NotApplicable("the output has no elements")
    if any(case.inputs[i].domain in BOUND for i in case.wanted):
        raise NotApplicable("an element of the sample cannot move alone")
    if max(sum(t.numel() for t in case.values), sum(r.numel() for r in call.roots)) > FULL:
        raise NotApplicable("the sample is too large to try each coordinate")
    found_one = False
    for i, rows in zip(case.wanted, of_rule(case, call), strict=True):
        found = jacobians(case, call, i)
        found.refine(torch.ones_like(rows, dtype=torch.bool))
        special = found.kinks | found.jumps
        found_one |= bool(special.any())
        wrong = special & ~found.between(rows)
        if bool(wrong.any()):
            row, column = (int(n) for n in wrong.nonzero()[0])
            left, right = float(found.left[row, column]), float(found.right[row, column])
            raise Violation(
                f"at a kink in {case.inputs[i].name} element {column} the gradient is "
                f"{float(rows[row, column]):.6g}, not between {left:.6g} and {right:.6g}"
            )
        check_tied(case, i, rows)
    if not found_one:
        raise Violation("the sample is declared to be at a kink, but forward is smooth there")


@LAWS.law("no-nan", "special points")
def no_nan(case: Case) -> None:
    """The gradient is not nan where forward is finite.

    It is tried at 0, -0, 1, -1, 1000, -1000, inf, -inf and nan, in one element or in all;
    one nan in a gradient spoils a whole training run.
    """
    call = steady_call(case)
    _check_nan(case, call, "the sample", case.shared.slopes)
    suspects = _suspects(case)
    for number, (value, where, values) in enumerate(specials(case) if suspects else ()):
        if number not in suspects:
            continue
        try:
            other = case.call([t.clone() for t in values])
        except Exception:
            continue
        try:
            _check_nan(case, other, f"{value} in {where}")
        except (Violation, NotApplicable):
            raise
        except Exception:  # it raises, at numbers that a torch Function need not take
            if case.op.engine is PLUGRAD:
                raise


#: A domain often ends at 0 or 1. Only one element is nan: all could give nothing finite.
#: 1000 saturates: a value that is 0 or 1 there is often divided by, or has its logarithm
#: taken.
_SPECIAL = (0.0, -0.0, 1.0, -1.0, 1e3, -1e3, math.inf, -math.inf, math.nan)


def specials(
    case: Case, numbers: Sequence[float] = _SPECIAL
) -> Iterator[tuple[float, str, list[Tensor]]]:
    """The inputs with each special number in each of them: the number, where it is, the values.

    What the number is not put into is the sample's own: nobody may write to it.
    """
    for i in case.wanted:
        for value in numbers:
            # For complex numbers, inf is not one point, and any product with it is nan.
            if case.inputs[i].tensor.is_complex() and not math.isfinite(value):
                continue
            for where, values in _placed(case, i, value):
                if case.allows(values):
                    yield value, f"{where} of {case.inputs[i].name}", values


def special_rows(case: Case) -> Rows | None:
    """These as the rows of one call, if that is possible; the laws share it."""
    shared = case.shared
    if shared.special_rows is None:  # if it was not possible, as_rows knows that at once
        tried = list(specials(case))
        shared.special_numbers = [number for number, _, _ in tried]
        shared.special_rows = as_rows(case, [values for _, _, values in tried])
    return shared.special_rows


def _placed(case: Case, i: int, value: float) -> Iterator[tuple[str, list[Tensor]]]:
    """The inputs with ``value`` in one element of input ``i``, and in all."""
    own = case.inputs[i].tensor
    count = own.numel()
    if count == 0:
        return
    values = [given.tensor for given in case.inputs]
    if not math.isnan(value):
        yield "all elements", [*values[:i], torch.full_like(own, value), *values[i + 1 :]]
    if count > 1 and abs(value) != 1:
        changed = own.clone(memory_format=torch.contiguous_format)
        changed.view(-1)[count // 2] = value
        yield "one element", [*values[:i], changed, *values[i + 1 :]]


def _suspects(case: Case) -> set[int]:
    """Which of these have a gradient that is not finite where forward is, or that raises."""
    rows = special_rows(case)
    if rows is not None:
        finite, right = rows.finite(rows.roots), rows.finite(rows.gradients)
        return {n for n in range(rows.asked) if finite[n] and not right[n]}
    calls = finite_calls(case, (values for _, _, values in specials(case)))
    gradients = vjps(list(calls.values()), [ones(call) for call in calls.values()])
    if gradients is None:
        return set(calls)
    pairs = zip(calls, gradients, strict=True)
    return {n for n, own in pairs if not all(g is None or all_finite(g) for g in own)}


def _check_nan(case: Case, call: Call, what: str, gradients: Sequence[Any] | None = None) -> None:
    if not call.roots or not all(all_finite(r.data) for r in call.roots):
        return
    gradients = call.vjp(ones(call)) if gradients is None else gradients
    if all(g is None or all_finite(g) for g in gradients):
        return
    values = [t.detach() for t in call.input_tensors]
    is_slope = not case.op.declaration.as_surrogate
    if is_slope and any(g is not None and bool(torch.isinf(g).any()) for g in gradients):
        _slopes_right(case, values, what, gradients)
    if _torch_has_none(case, call, values):
        return
    for i, (given, gradient, tensor) in enumerate(
        zip(case.inputs, gradients, call.input_tensors, strict=True)
    ):
        if gradient is None:
            continue
        bad = torch.isnan(gradient)
        if gradient.shape == tensor.shape:  # where the input itself is nan the gradient may be
            bad = bad & ~torch.isnan(tensor)
        if bool(bad.any()):
            place = int(bad.flatten().nonzero()[0])
            at = tensor.flatten()[place].item() if place < tensor.numel() else "?"
            raise Violation(
                f"{what}: forward is finite, but the gradient of {given.name} is nan where it is "
                f"{at}: guard the rule with torch.where, on its input{rank_hint(case, [i])}"
            )


def _slopes_right(case: Case, values: list[Tensor], what: str, gradients: Sequence[Any]) -> None:
    try:
        slopes_right(case, values, what)
    except Violation as violation:
        bad = [i for i, g in enumerate(gradients) if g is not None and not all_finite(g)]
        raise Violation(f"{violation.message}{rank_hint(case, bad)}") from None


def _torch_has_none(case: Case, call: Call, values: list[Tensor]) -> bool:
    """Whether an input is infinite, and torch's own derivative of forward is nan there, too.

    inf - inf and 0 * inf are in every formula that does not care about infinity. plugrad's
    ops must care; code that somebody wrote for torch need not.
    """
    infinite = any(bool(torch.isinf(t).any()) for t in values if castable(t))
    if case.op.engine.name != "torch" or not infinite:
        return False
    try:
        theirs = case.oracle.call([t.clone() for t in values])
        gradients = theirs.vjp([torch.ones_like(root.data) for root in call.roots])
    except NotApplicable:
        return True
    return any(g is not None and bool(torch.isnan(g).any()) for g in gradients)


@LAWS.law("stretched", "special points")
def stretched(case: Case) -> None:
    """The gradient is right beyond the samples' range too.

    Their tensors are multiplied by 10, 1000 and 1/1000, and negated, so that a branch for
    large or negative numbers is not missed.
    """
    refuse_undifferentiable(case)
    tried = 0
    for (factor, values), known in zip(scaled(case).stretched, _alike(case), strict=True):
        tried += known or _right_at(case, values, f"inputs times {factor:g}")
    if not tried:
        raise NotApplicable("forward is not finite beyond the samples' range")


def _alike(case: Case) -> list[bool]:
    """Which of these are what torch's are, as one call, or one backward of all, tells."""
    numbers = scaled(case)
    if numbers.rows is not None:
        return numbers.alike[: len(numbers.stretched)]
    return like_oracle(case, [beside_oracle(case, values) for _, values in numbers.stretched])


@LAWS.law("dimensions", "special points")
def dimensions(case: Case) -> None:
    """With three dimensions, one of them of size 1, the gradient is right too.

    The sample's tensors are stacked until one has three dimensions, and each dimension in
    turn is cut to size 1: a ``squeeze()``, a ``.t()`` or a mean over the wrong axis may be
    right in two dimensions. Inputs that forward or the reference refuses are left out, and
    so are ops that waive ``oracle`` or ``numeric``.
    """
    refuse_undifferentiable(case)
    for law in ("oracle", "numeric"):
        if case.waiver(law) is not None:
            raise NotApplicable(f"the law {law} is waived, and this one uses it")
    if case.sample.oracle_is_wrong or case.sample.kink:
        raise NotApplicable("the sample is at a point of its own")
    most = max(t.dim() for t in case.values)
    if most == 0:
        raise NotApplicable("no input has a dimension")
    try:
        _right_at_sample(case)
    except Violation as violation:
        raise NotApplicable("the gradient of the sample itself is wrong") from violation
    for stacked in _stacked(case, max(0, 3 - most)):
        # In a new shape, a first call without gradients may decide for all later ones.
        with suppress(Exception):
            case.forward([t.clone() for t in stacked])
        if _right_in(case, stacked):
            cuts = list(_cuts(case, stacked, max(most, 3)))
            right = like_oracle(case, [beside_oracle(case, cut) for cut in cuts])
            for cut, known in zip(cuts, right, strict=True):
                if not known:
                    _right_in(case, cut)
            return
    raise NotApplicable("forward or the reference refuses three dimensions with these arguments")


def _right_at_sample(case: Case) -> None:
    """Raise Violation if the gradient is not the oracle's or, without one, the slope."""
    call = case.shared.call
    try:
        theirs = case.oracle.call()
    except NotApplicable:
        _right_at(case, case.values, "the sample")
    else:
        if all(all_finite(t) for t in call.tensors if isinstance(t, Tensor)):
            compare_with_oracle(case, call, theirs, "the sample", case.shared.gradients)


def _stacked(case: Case, more: int) -> Iterator[list[Tensor]]:
    """The inputs with ``more`` further dimensions: all of them, the largest, or the first alone."""
    values = case.values
    most = max(t.dim() for t in values)
    seen: set[tuple[bool, ...]] = set()
    for choose in (lambda _: True, lambda i: values[i].dim() == most, lambda i: i == 0):
        chosen = tuple(choose(i) for i in range(len(values)))
        if chosen not in seen:
            seen.add(chosen)
            yield [
                _twice(t, more, keep=bool(given.domain) or i not in case.wanted) if c else t
                for i, (t, c, given) in enumerate(zip(values, chosen, case.inputs, strict=True))
            ]


def _cuts(case: Case, values: list[Tensor], dims: int) -> Iterator[list[Tensor]]:
    """The values with each of the last dimensions cut to size 1, where that changes something."""
    for dim in range(-dims, 0):
        cut = [_cut(t, dim, given) for t, given in zip(values, case.inputs, strict=True)]
        if any(a.shape != b.shape for a, b in zip(cut, values, strict=True)):
            yield cut


def _twice(tensor: Tensor, more: int, *, keep: bool) -> Tensor:
    """It, and its elements in another order; ``keep`` says not to change their numbers."""
    for _ in range(more):
        second = tensor.flip(0) if tensor.dim() else tensor
        if castable(tensor) and not keep:
            second = second * 0.875  # no element is there twice: they would tie
        tensor = torch.stack([tensor, second])
    return tensor


def _cut(tensor: Tensor, dim: int, given: Input) -> Tensor:
    if tensor.dim() < -dim:
        return tensor
    cut = tensor.narrow(dim, 0, min(1, tensor.shape[dim]))
    # Some of torch's kernels read out of bounds for a wrong index.
    return torch.zeros_like(cut) if is_index(given) else cut


def _right_in(case: Case, values: list[Tensor]) -> bool:
    shapes = ", ".join(str(list(t.shape)) for t in values)
    if not case.allows(values):
        return False
    try:
        return _right_at(case, values, f"inputs of shape {shapes}, which forward takes")
    except Violation:
        raise
    except Exception as error:
        raise Violation(
            f"the gradient of inputs of shape {shapes}, which forward takes, raises "
            f"{type(error).__name__}: {error}",
            tolerated=True,
        ) from error


def _right_at(case: Case, values: list[Tensor], what: str) -> bool:
    try:
        call = case.call([t.clone() for t in values])
    except Exception:
        return False
    outputs = [t for t in call.tensors if isinstance(t, Tensor) and t.is_floating_point()]
    if not call.roots or not all(map(all_finite, outputs)):
        return False
    try:
        theirs = case.oracle.call([t.clone() for t in values])
    except NotApplicable:
        pass
    else:
        compare_with_oracle(case, call, theirs, what)
        return True
    if case.op.declaration.as_surrogate or not all(
        given.tensor.dtype in WIDE for given in case.inputs if given.differentiable
    ):
        return False
    other = case.replaced(values)
    check_directions(other, other.call(), 2)
    return True
