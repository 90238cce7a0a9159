"""Undeclared facts: what is true of a sample but not declared, so that all laws would complain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.testing.call import refuse_surrogate
from plugrad.testing.domains import is_simplex, is_symmetric
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.numeric import WIDE, check_slopes
from plugrad.testing.shared import random_like, refuse_undifferentiable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


@LAWS.law("undeclared", "first order", gate=True)
def undeclared(case: Case) -> None:
    """A sample declares its constant arguments and its domain.

    A label that gets no gradient is ``.constant(1)``; a matrix that forward assumes to be
    symmetric is ``make(3, 3, domain="spd")``. Otherwise every other law would complain; so
    they judge the sample as if it had been declared.
    """
    refuse_surrogate(case)
    call = refuse_undifferentiable(case)
    if not all(case.inputs[i].tensor.dtype in WIDE for i in case.wanted):
        raise NotApplicable("the sample is not in float64")
    _check_constants(case, call)
    _check_domain(case)


#: What 1e-6 times any slope is below.
_SLOPES = 1e-2


def _check_constants(case: Case, call: Call) -> None:
    """An input that gets None, although forward depends on it, may be meant to be constant."""
    if len(case.wanted) < 2:
        return
    gradients = case.shared.gradients
    without = [i for i in case.wanted if gradients[i] is None]
    if not without or without == case.wanted:
        return
    without = [i for i in without if _depends(case, call, i)]
    if not without:
        return
    names = ", ".join(case.inputs[i].name for i in without)
    said = ", ".join(repr(case.inputs[i].name) for i in without)
    raise Violation(
        f"backward gives None for {names}, but forward depends on it: its gradient is missing, "
        f"or it is a label, a mask or a weight, which Sample(...).constant({said}) declares",
        mended=case.told(constants=without),
    )


def _depends(case: Case, call: Call, i: int) -> bool:
    """Whether an output that has a gradient changes with input ``i``, and does not just jump."""
    values = case.values
    values[i] = values[i] + 1e-6 * random_like(values[i], case.generator(70))
    try:
        moved = case.forward(values)
    except Exception:
        return True
    changes = [(moved[n] - call.tensors[n]).abs() for n in call.root_numbers]
    return any(bool(((c > 0) & (c < _SLOPES)).any()) for c in changes)


def _check_domain(case: Case) -> None:
    """An op that is wrong for other numbers, but right within the sample's domain."""
    candidates = list(_candidates(case))
    if not candidates or not _fails(case):
        return
    for domain, names in candidates:
        other = case.told(domain=domain)
        if not _fails(other):
            raise Violation(
                f"the gradient is the slope only where {names} stays {_WORDS[domain]}, as in the "
                "sample: if forward is only meant for that, say so with "
                f'make(..., domain="{_MEANT[domain]}") or Sample(...).domain("{_MEANT[domain]}")',
                mended=other,
            )


_WORDS = {"symmetric": "symmetric", "simplex": "a row of numbers that add up to 1"}
_MEANT = {"symmetric": "spd", "simplex": "simplex"}


def _candidates(case: Case) -> Iterator[tuple[str, str]]:
    """Domains that all differentiable inputs are in without declaring it, and their names."""
    wanted = [case.inputs[i] for i in case.wanted]
    if any(given.domain for given in wanted):
        return
    kinds: dict[str, Any] = {"symmetric": _is_really_symmetric, "simplex": _is_really_simplex}
    for domain, lies_in in kinds.items():
        if wanted and all(lies_in(given.tensor) for given in wanted):
            yield domain, ", ".join(given.name for given in wanted)


def _is_really_symmetric(tensor: Tensor) -> bool:
    return is_symmetric(tensor) and tensor.shape[-1] > 1


def _is_really_simplex(tensor: Tensor) -> bool:
    return is_simplex(tensor) and tensor.dim() > 0 and tensor.shape[-1] > 1


def _fails(case: Case) -> bool:
    try:
        check_slopes(case)
    except NotApplicable:
        return False
    except Violation:
        return True
    return False
