"""steady_call: one call for all laws that only look at its gradients, if it can be had."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.call import differentiable_call
from plugrad.testing.shared import refuse_constant

if TYPE_CHECKING:
    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


def steady_call(case: Case) -> Call:
    """A call that may have been differentiated before, and gives the same gradients all the same.

    Where nobody can tell that it does, it is a new one.

    Raises:
        NotApplicable: no output has a gradient.
    """
    refuse_constant(case)
    return differentiable_call(case) if case.steady is None else case.steady


def undisturbed(case: Case) -> Call | None:
    """A call that other calls do not disturb, nor its own backward; None if there is none.

    The laws ``interleaved`` and ``determinism`` ask for the first, ``retain-graph`` for the second.
    """
    if case.draws or case.op.dirties:
        return None
    try:
        return _undisturbed(case)
    except Exception:  # which the laws will tell
        return None


def _undisturbed(case: Case) -> Call | None:
    expected, call = case.shared.gradients, case.call()
    if not call.roots:
        return None
    saved = [] if call.node is None else [t for t in call.node.saved if isinstance(t, Tensor)]
    held = [*call.cotangents(), *call.input_tensors, *saved]
    cotangents, versions = held[: len(call.roots)], [t._version for t in held]
    for disturb in (call_with_other_numbers, call_with_other_options):
        disturb(case)
        if not all(map(_same, expected, call.vjp(cotangents))):
            return None
    return call if versions == [t._version for t in held] else None


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return a.dtype is b.dtype and torch.equal(a, b)


def call_with_other_numbers(case: Case) -> None:
    """Call and differentiate the op with the elements in another order: as legal, but others."""
    values = case.values
    for i in case.wanted:
        # Moved a little as well, since a single element, or equal ones, have only one order.
        values[i] = values[i].flip(tuple(range(values[i].dim()))) * 0.875
    try:
        _differentiate(case.call(values))
    except Exception:
        case.call()


def call_with_other_options(case: Case) -> bool:
    """Call and differentiate the next sample; whether there is one."""
    other = case.after()
    if other is None:
        return False
    with suppress(Exception):  # the other sample's own laws tell
        _differentiate(other.call())
    return True


def _differentiate(call: Call) -> None:
    if call.roots:
        call.vjp(call.cotangents())
