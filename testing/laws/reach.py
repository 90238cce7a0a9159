"""Reach: which parts of an op's code the samples run; what never runs is never checked."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from plugrad.errors import ContextError
from plugrad.testing.case import Case, cases
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.modes import pushed_tangents
from plugrad.testing.mended import with_attributes
from plugrad.testing.reached import Reached

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.op_under_test import OpUnderTest


@LAWS.law("lines", "special points", whole_op=True, explained_by=("samples",))
def lines(op: OpUnderTest) -> None:
    """Each statement of forward and backward runs for some sample.

    Code that never runs is never checked. ``raise`` statements are left out.
    """
    _only_on_the_cpu(op)
    missed = _reached(op).missed_lines()
    if missed:
        raise Violation(f"no sample reaches {'; '.join(missed[:4])}: add one that does")


def _only_on_the_cpu(op: OpUnderTest) -> None:
    if not op.on_cpu:
        raise NotApplicable("samples reach the code where they run, which for most is the CPU")


@LAWS.law("branches", "special points", whole_op=True, explained_by=("samples",))
def branches(op: OpUnderTest) -> None:
    """Each condition on elements is true in some sample and false in some.

    This covers the comparisons, ``torch.where`` and ``masked_fill`` in the op's own code: a
    side that no sample takes is a formula that nothing checks.
    """
    _only_on_the_cpu(op)
    reached = _reached(op)
    if not reached.has_conditions:
        raise NotApplicable("the op's code has no condition on elements")
    one_sided = reached.one_sided_conditions()
    if one_sided:
        raise Violation(f"{'; '.join(one_sided[:4])}: add a sample for the other side")


def _reached(op: OpUnderTest) -> Reached:
    """The parts of the op's code that the samples run, including those that must raise."""
    if op.declaration.from_torch:
        raise NotApplicable("its code is torch's")
    if op.composite and not op.samples():
        raise NotApplicable("the op has no samples")
    if op.reached is not None:
        return op.reached
    reached = op.reached = Reached(op.function)
    calls = [*cases(op), *(Case(op, refused) for refused in op.refused_samples())]
    for case in calls:
        _quietly(partial(_all_at_once, case, reached))
    # Most ops have no more than that: it is slow to watch, so the rest is only for those that do.
    if reached.missed_lines() or reached.one_sided_conditions():
        if op.engine is PLUGRAD and any(map(_sets_tensors, calls)):
            calls = [*cases(with_attributes(op))]
            for case in calls:
                _quietly(partial(_all_at_once, case, reached))
        for case in calls:
            _quietly(partial(_in_parts, case, reached))
    return reached


def _sets_tensors(case: Case) -> bool:
    """Whether forward sets a tensor on its context, which keeps it from being called."""
    try:
        case.call()
    except Exception as error:
        return isinstance(error, ContextError)
    return False


def _quietly(run: Callable[[], None]) -> None:
    """Run the op's code, which may raise: other laws tell."""
    with suppress(Exception):
        run()


def _all_at_once(case: Case, reached: Reached) -> None:
    """Call the op, its rule for all gradients, and its jvp; their preparation is not watched."""
    call = _watched_call(case, reached)
    if not call.roots:
        return
    cotangents = call.cotangents()
    with reached:
        call.rule(cotangents)
    if case.op.has_jvp and call.node is not None:
        given = [t if i in case.wanted else None for i, t in enumerate(case.values)]
        with reached:
            pushed_tangents(case, call, given)


def _in_parts(case: Case, reached: Reached) -> None:
    """Leave out a cotangent, and ask for the gradient of one input alone."""
    call = case.call()
    if not call.roots:
        return
    cotangents = call.cotangents()
    for unused in range(len(cotangents)) if len(cotangents) > 1 and call.node else ():
        given = [None if n == unused else c for n, c in enumerate(cotangents)]
        with reached:
            call.rule(given)
    for i in case.wanted if len(case.wanted) > 1 else ():
        alone = _watched_call(case, reached, (i,))
        cotangents = alone.cotangents()
        if alone.roots:
            with reached:
                alone.rule(cotangents)


def _watched_call(case: Case, reached: Reached, requires: Sequence[int] | None = None) -> Call:
    leaves = case.leaves(case.values, requires)
    _ = case.draws  # to find that out makes calls, which would be watched
    with reached:
        return case.call_on(leaves)
