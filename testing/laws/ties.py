"""Ties: where two inputs are equal, or the rows of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import all_finite
from plugrad.testing.call import refuse_surrogate
from plugrad.testing.domains import is_full_rank
from plugrad.testing.jacobians import jacobians, of_rule, units
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.graphs import alike
from plugrad.testing.laws.numeric import FULL, needs_wide
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.together import ones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


@LAWS.law("ties", "special points")
def ties(case: Case) -> None:
    """Where two inputs are equal, the gradient is right or between the one-sided derivatives.

    A rule with ``x > y`` and ``y > x`` has a third case, which random samples do not show.
    """
    call = refuse_undifferentiable(case)
    refuse_surrogate(case)
    needs_wide(case, call)
    shapes = {root.shape for root in call.roots}
    tried = 0
    for i, j in alike(case):
        # Elements tie; two matrices of the same size may be unrelated.
        if case.inputs[i].tensor.shape not in shapes:
            continue
        values = case.values
        values[j] = values[i].clone()
        names = f"{case.inputs[i].name} = {case.inputs[j].name}"
        tried += slopes_right(case, values, f"where {names}")
    if not tried:
        raise NotApplicable("no two differentiable inputs are of an output's shape and dtype")


def _torchs_rows(case: Case, call: Call, values: list[Tensor]) -> dict[int, Tensor]:
    """The Jacobian of torch's own rule for each input, if there is one."""
    rows: dict[int, list[Tensor]] = {i: [] for i in case.wanted}
    zeros = [torch.zeros_like(root.data) for root in call.roots]
    try:
        theirs = case.oracle.call([t.clone() for t in values])
        for number, zero in enumerate(zeros):
            for unit in units(zero):
                found = theirs.vjp([*zeros[:number], unit, *zeros[number + 1 :]])
                for i, own in rows.items():
                    gradient = found[i]
                    gradient = torch.zeros_like(values[i]) if gradient is None else gradient
                    own.append(gradient.flatten().cpu())
    except NotApplicable:
        return {}
    return {i: torch.stack(own) for i, own in rows.items()}


def slopes_right(case: Case, values: list[Tensor], what: str) -> bool:
    """Raise Violation unless the gradient is the slope there, or what torch takes at a kink.

    False if nothing can be said: the call raises, or is too large, or not finite.
    """
    if not case.is_in_float64:
        return False
    other = case.replaced([t.clone() for t in values])
    try:
        call = other.call()
    except Exception:
        return False
    if not call.roots or not all(all_finite(r.data) for r in call.roots):
        return False
    count = sum(r.numel() for r in call.roots)
    if not count or max(sum(t.numel() for t in values), count) > FULL:
        return False
    theirs: dict[int, Tensor] | None = None
    for i, rows in zip(other.wanted, of_rule(other, call), strict=True):
        found = jacobians(other, call, i)
        wrong = found.disagrees(rows)
        if bool(wrong.any()):
            found.refine(wrong)
            # Near a cusp the slope grows as the step shrinks.
            steep = found.kinks | found.jumps | (found._doubt > 1e-3 * found.scale)
            cusp = torch.isinf(rows) & steep
            wrong = found.disagrees(rows) & ~found.between(rows) & ~cusp
        if bool(wrong.any()):
            theirs = _torchs_rows(case, call, values) if theirs is None else theirs
            if i in theirs:  # where torch chooses one of several numbers, so may we
                wrong &= theirs[i] != rows
        if bool(wrong.any()):
            row, column = (int(n) for n in wrong.nonzero()[0])
            raise Violation(
                f"{what} the slope of output element {row} in {other.inputs[i].name} element "
                f"{column} is {float(found.central[row, column]):.6g}, the gradient "
                f"{float(rows[row, column]):.6g}"
            )
    return True


def check_tied(case: Case, i: int, rows: Tensor) -> None:
    """Raise Violation if the gradient is not the slope where equal elements of an input move.

    Args:
        case: a sample in float64.
        i: the input.
        rows: its Jacobian by the rule.
    """
    tensor = case.inputs[i].tensor
    if tensor.is_complex() or case.waiver("numeric") is not None:
        return
    values, counts = torch.unique(tensor, return_counts=True)
    for value in values[counts > 1]:
        direction = (tensor == value).to(tensor.dtype)
        ends = [_joined(case, i, direction, step) for step in _MOVES]
        if any(end is None or end.numel() != len(rows) for end in ends):
            continue
        middle = ends[-1]
        found = [(end - middle) / step for end, step in zip(ends, _MOVES[:-1], strict=False)]
        slope, told = found[0], rows @ direction.flatten().cpu()
        near = _NEARLY * (1 + slope.abs())
        smooth = torch.stack([(other - slope).abs() <= near for other in found]).all(0)
        wrong = smooth & ((told - slope).abs() > near)
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0])
            raise Violation(
                f"where all elements of {case.inputs[i].name} that are {float(value):.6g} move "
                f"together, output element {row} changes by {float(slope[row]):.6g} per step, and "
                f"the gradient says {float(told[row]):.6g}: share it among them, or give it to one"
            )


#: By how much they move, at last not at all; a jump looks like another slope in half a step.
_MOVES = (1e-6, -1e-6, 5e-7, -5e-7, 0.0)
#: How nearly the slope is known then.
_NEARLY = 1e-3


def _joined(case: Case, i: int, direction: Tensor, distance: float) -> Any:
    """The outputs with a gradient, flat, after a step of an input; None if they are not finite."""
    moved = case.values
    moved[i] = moved[i] + distance * direction
    try:
        outputs = case.forward(moved)
    except Exception:  # these values are refused
        return None
    roots = [outputs[n].flatten().cpu() for n in case.shared.call.root_numbers]
    real = all(root.dtype is torch.float64 and all_finite(root) for root in roots)
    return torch.cat(roots) if real else None


def rank_hint(case: Case, inputs: Sequence[int]) -> str:
    """How to declare that these inputs have full rank, if one needs it and the sample has it."""
    if not any(_needs_rank(case, i) for i in inputs):
        return ""
    return (
        "; or, if forward is only meant for matrices of full rank, say so with "
        'make(..., domain="full-rank") or Sample(...).domain("full-rank")'
    )


def _needs_rank(case: Case, i: int) -> bool:
    """Whether a gradient has no bound where all rows are equal, nor where all columns are.

    Where only rows or only columns count, a variance is 0, for example.
    """
    matrix = case.inputs[i].tensor
    if case.inputs[i].domain or not is_full_rank(matrix) or min(matrix.shape[-2:]) < 2:
        return False
    usual = max((float(g.abs().max()) for g in case.shared.slopes if g is not None), default=0.0)
    deficient = matrix[..., :1, :].expand_as(matrix), matrix[..., :1].expand_as(matrix)
    return all(_grows(case, i, matrix, _UNBOUNDED * usual) for matrix in deficient)


#: How much larger than usual a gradient is where it has no bound, but for rounding.
_UNBOUNDED = 1e6


def _grows(case: Case, i: int, matrix: Tensor, limit: float) -> bool:
    """Whether a gradient is above the limit, or not finite, with this for input ``i``."""
    values = case.values
    values[i] = matrix.clone()
    try:
        call = case.call(values)
        gradients = [g for g in call.vjp(ones(call)) if g is not None]
    except Exception:
        return False
    return not all(all_finite(g) and float(g.abs().max()) <= limit for g in gradients)
