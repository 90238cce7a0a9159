"""Finite differences: the derivative from values alone, without any autograd."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from plugrad.testing.agree import Mismatch, probable_cause
from plugrad.testing.call import refuse_surrogate
from plugrad.testing.domains import BOUND
from plugrad.testing.jacobians import Jacobians, complex_step, directional, jacobians, of_rule
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.steady import steady_call

if TYPE_CHECKING:
    from plugrad.testing.call import Call
    from plugrad.testing.case import Case

WIDE = (torch.float64, torch.complex128)
#: Up to this many real coordinates, of inputs and of outputs, all are tried.
FULL = 36


@LAWS.law("numeric", "first order")
def numeric(case: Case) -> None:
    """The gradient is the slope of forward.

    It is compared with central differences in float64; where they disagree with the rule,
    they are refined by Richardson extrapolation. At a kink the gradient must be between the
    one-sided slopes, and another seed, if it makes other numbers, must agree. Small samples
    are tried in each coordinate, large ones along random directions and in some
    coordinates. If torch cannot serve as the oracle, and forward is analytic and takes
    complex numbers, the complex step, which has no rounding (Squire and Trapp, SIAM Review
    40, 1998), judges to 1e-10.
    """
    refuse_surrogate(case)
    call = refuse_undifferentiable(case)
    needs_wide(case, call)
    for attempt in chain((case,), case.resampled(3)):
        kinks = check_slopes(attempt)
        if not kinks or case.sample.kink:
            break
    check_complex_step(case)


def needs_wide(case: Case, call: Call) -> None:
    """Raise NotApplicable unless everything that is differentiated is in float64."""
    dtypes = [case.inputs[i].tensor.dtype for i in case.wanted]
    dtypes += [root.dtype for root in call.roots]
    if any(dtype not in WIDE for dtype in dtypes):
        raise NotApplicable("not in float64: finite differences would be mostly rounding")


def check_slopes_in_float64(case: Case) -> bool:
    """As ``check_slopes``, of a case that is in float64: in a narrow dtype it tells nothing."""
    needs_wide(case, steady_call(case))
    return check_slopes(case)


def check_slopes(case: Case) -> bool:
    """Compare the rule with differences; returns whether there was a kink."""
    call = steady_call(case)
    if not any(root.numel() for root in call.roots):
        raise NotApplicable("the output has no elements")
    inputs = sum(_coordinates(case.inputs[i].tensor) for i in case.wanted)
    outputs = sum(_coordinates(root.data) for root in call.roots)
    if any(case.inputs[i].domain in BOUND for i in case.wanted):
        return check_directions(case, call, 6)
    if inputs <= FULL and outputs <= FULL:
        return _check_full(case, call)
    return check_directions(case, call)


def _coordinates(tensor: Tensor) -> int:
    return tensor.numel() * (2 if tensor.is_complex() else 1)


def _check_full(case: Case, call: Call) -> bool:
    kinks = False
    for i, rows in zip(case.wanted, of_rule(case, call), strict=True):
        found = jacobians(case, call, i)
        kinks |= _judge(case.inputs[i].name, found, rows)
    return kinks


def _judge(name: str, found: Jacobians, rows: Tensor, shown: bool = True) -> bool:
    wrong = found.disagrees(rows)
    if not bool(wrong.any()):
        return False
    found.refine(wrong, rows)
    wrong = found.disagrees(rows)
    kinks = wrong & found.kinks
    wrong &= ~found.between(rows)
    if bool(wrong.any()):
        _refuse(name, found, rows, wrong, shown)
    return bool(kinks.any())


def _refuse(name: str, found: Jacobians, rows: Tensor, wrong: Tensor, shown: bool = True) -> None:
    error = torch.where(wrong, (rows - found.central).abs().nan_to_num(nan=torch.inf), 0.0)
    worst = int(error.argmax())
    index = divmod(worst, error.shape[1])
    expected, got = float(found.central[index]), float(rows[index])
    cause = "a kink? the one-sided slopes differ" if bool(found.kinks[index]) else ""
    if not cause:
        cause = probable_cause(found.central, rows)
    mismatch = Mismatch(
        f"slope of output element {index[0]} in {name} element {index[1]}",
        index,
        f"{expected:.9g}",
        f"{got:.9g}",
        abs(got - expected),
        abs(got - expected) / found.scale,
        found.allowed,
        cause,
        (found.central.tolist(), rows.tolist()) if shown else None,
    )
    raise Violation(f"not the slope of forward: {mismatch}", mismatch)


def check_directions(case: Case, call: Call, count: int = 3) -> bool:
    """The same along ``count`` random directions; every other one is a coordinate."""
    kinks = False
    for number in range(count):
        for i in case.wanted:
            kinks |= _check_direction(case, call, i, number)
    return kinks


def _check_direction(case: Case, call: Call, i: int, number: int) -> bool:
    found, got = directional(case, call, i, number)
    rows = torch.tensor([[got]], dtype=torch.float64)
    return _judge(case.inputs[i].name, found, rows, shown=False)  # it is no Jacobian


def check_complex_step(case: Case) -> None:
    """Compare the rule with the imaginary part of forward a tiny step away, if that is a slope.

    Only for small samples, if torch has no gradient to compare with.
    """
    try:
        case.oracle.call()
    except NotApplicable:
        pass
    else:
        return
    call = steady_call(case)
    if any(case.inputs[i].domain in BOUND for i in case.wanted):
        return
    values = case.values
    small = sum(t.numel() for t in (*values, *(r.data for r in call.roots))) <= FULL
    if not small or any(t.is_complex() for t in (*values, *(r.data for r in call.roots))):
        return
    for i, rows in zip(case.wanted, of_rule(case, call), strict=True):
        found = jacobians(case, call, i)
        exact = complex_step(case, call, i)
        if exact is None or bool(found.disagrees(exact).any()):
            continue  # forward does not take complex numbers, or is not analytic
        wrong = (rows - exact).abs() > 1e-10 * found.scale
        if bool(wrong.any()):
            found.central, found.allowed = exact, 1e-10
            _refuse(case.inputs[i].name, found, rows, wrong)
