"""tails: the law that this pack adds to the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.testing import NotApplicable, Violation, differentiable_call

if TYPE_CHECKING:
    from plugrad.testing import Case, LawBook

#: The error allowed, relative to the largest element of the gradient.
_ALLOWED = 1e-11
#: Below it float64 runs out of digits.
_SMALLEST = 1e-290


def add_tails(laws: LawBook) -> None:
    """Enter the law."""
    laws.law("special-tails", "first order", pack="special")(tails)


def tails(case: Case) -> None:
    """A gradient of this pack's that is tiny is right relative to itself.

    plugrad's own laws take numbers below 1e-3 for as large as that, since elsewhere they are
    what is left of a sum. The tail of K_0 or of the gamma density is 1e-200, and no rounding.
    """
    call = differentiable_call(case)
    theirs = case.oracle.call()
    if theirs.own_forward:
        raise NotApplicable("torch cannot differentiate the reference")
    cotangents = call.cotangents()
    expected, got = theirs.vjp(cotangents), call.vjp(cotangents)
    pairs = [pair for pair in zip(case.inputs, expected, got, strict=True) if _is_judged(pair[1])]
    if not pairs:
        raise NotApplicable("no gradient is in float64, and finite and not zero somewhere")
    for given, theirs_, ours in pairs:
        _judge(given.name, theirs_, ours)


def _is_judged(expected: Any) -> bool:
    if expected is None or expected.dtype is not torch.float64:
        return False
    sizes = expected.abs()
    return bool((torch.isfinite(sizes) & (sizes > _SMALLEST)).any())


def _judge(name: str, expected: Any, got: Any) -> None:
    got = torch.zeros_like(expected) if got is None else got.data
    finite = torch.isfinite(expected)
    largest = float(expected[finite].abs().max())
    error = float((got - expected)[finite].abs().max()) / largest
    if not error <= _ALLOWED:  # nan is none either
        raise Violation(
            f"the gradient of {name} is off by {error:.1e} of its largest element, "
            f"{largest:.3g}; {_ALLOWED:.0e} is allowed"
        )
