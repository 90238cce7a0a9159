"""Options: the arguments that are not tensors, which samples seldom vary."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from plugrad.core.sample import Sample
from plugrad.testing.call import refuse_surrogate
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.numeric import check_directions, needs_wide
from plugrad.testing.shared import refuse_undifferentiable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case

#: Parameters that name a dimension: other integers may be sizes, of which few are allowed.
_DIMENSIONS = frozenset({"axis", "dim"})
_REDUCTIONS = ("none", "mean", "sum")
#: They say where the result goes, or what is checked, and have no part in a slope.
_NOT_VARIED = frozenset({"check_errors", "check_invariants", "inplace", "non_blocking", "out"})
#: A number is made so much larger: what is between 0 and 3/4, or above 1, stays there.
_FACTOR = 1.25
_FROM_ZERO = 0.5


@LAWS.law("options", "first order", explained_by=("numeric", "oracle"))
def options(case: Case) -> None:
    """The gradient is the slope of forward also with options that no sample has.

    A rule that forgot ``alpha`` is right in samples whose alpha is 1. Each option is changed
    once for each value that it has in the samples: a float is made larger by a quarter, a
    boolean the opposite, ``dim`` and ``axis`` another dimension, ``reduction`` another one. What
    forward refuses then is left out. Other integers and texts are not tried, since it is unknown
    what is allowed.
    """
    refuse_surrogate(case)
    needs_wide(case, refuse_undifferentiable(case))
    if case.sample.kink:
        raise NotApplicable("the sample is at a kink")
    tried = [_is_right(case, *change) for change in _changes(case)]
    if not any(tried):
        raise NotApplicable("no option of the sample can be varied")


def _is_right(case: Case, name: str, before: Any, after: Any) -> bool:
    """Whether the changed call has a gradient, which is the slope then."""
    changed = _changed(case, name, after)
    try:
        call = changed.call()
        if changed.op.reference is not None:
            changed.oracle.call()
        if not call.roots or (isinstance(after, bool) and _lacks_gradients(case, call)):
            return False
        check_directions(changed, call, 2)
    except Violation as violation:
        if not _is_right_as_it_is(case):
            return False
        raise Violation(
            f"with {name} = {after!r} in place of {before!r}: {violation.message}; "
            f"add a sample with another {name}",
            violation.mismatch,
        ) from None
    except Exception:  # it is not allowed
        return False
    return True


def _lacks_gradients(case: Case, call: Call) -> bool:
    """Whether an input has no gradient any more: then the option says what is differentiated."""
    gradients = call.vjp(call.cotangents())
    return any(gradients[i] is None for i in case.wanted)


def _is_right_as_it_is(case: Case) -> bool:
    """Whether the unchanged sample is judged right in the same way; else another law tells."""
    try:
        check_directions(case, case.call(), 2)
    except Exception:
        return False
    return True


def _changed(case: Case, name: str, value: Any) -> Case:
    """The case with another value of an option."""
    signature, sample = case.op.signature, case.sample
    args, kwargs = signature.bind(sample.args, sample.kwargs)
    if name in signature.keyword_only:
        kwargs = {**kwargs, name: value}
    else:
        place = signature.positional.index(name)
        # No more than is needed: a torch Function returns a gradient for each argument.
        args = signature.completed(args)[: max(len(args), place + 1)]
        args = (*args[:place], value, *args[place + 1 :])
    return case.with_sample(Sample(*args, **kwargs))


def _changes(case: Case) -> Iterator[tuple[str, Any, Any]]:
    """A parameter, its value, and another value for it that no sample has."""
    seen = case.op.first_with
    sizes = [given.tensor.dim() for given in case.inputs]
    for name, value in case.op.options_of(case.sample).items():
        if name in _NOT_VARIED or seen.get((name, repr(value))) != case.index:
            continue
        for other in _others(name, value, max(sizes, default=0)):
            if (name, repr(other)) not in seen:
                yield name, value, other


def _others(name: str, value: Any, dimensions: int) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, float) and math.isfinite(value):
        return [value * _FACTOR if value else _FROM_ZERO]
    if isinstance(value, int) and name in _DIMENSIONS:
        return [d for d in range(dimensions) if d not in (value, value + dimensions)]
    return [r for r in _REDUCTIONS if r != value] if value in _REDUCTIONS else []
