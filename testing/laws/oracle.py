"""The exact oracle: torch's autograd, to the last digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.testing.agree import agree_all, tolerance
from plugrad.testing.call import differentiable_call
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.numeric import check_slopes
from plugrad.testing.shared import refuse_constant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from plugrad.testing.call import Call, OracleCall
    from plugrad.testing.case import Case


#: The relative error that finite differences are sure to see.
_VISIBLE = 1e-4


@LAWS.law("oracle", "first order")
def oracle(case: Case) -> None:
    """The gradient equals torch's: to 1e-10 in float64, without finite differences.

    Torch differentiates the reference or, if there is none, the op's own forward. A forward
    that torch sees only in part (for example because it detaches) is left to the law
    ``numeric``. The gradient of a surrogate must be that of its ``surrogate_reference``.
    """
    refuse_constant(case)
    call = case.call()
    if not call.roots:
        refuse_if_torch_has_roots(case)
        raise NotApplicable("no output is differentiable")
    theirs = case.oracle.call()
    same_roots(call, theirs)
    cotangents = call.cotangents()
    expected = theirs.vjp(cotangents)
    allowed = case_tolerance(case, call)
    surrogate = case.op.declaration.as_surrogate
    message = "not the gradient of surrogate_reference" if surrogate else "not torch's gradient"
    try:
        agree_gradients(case, call.rule(cotangents), expected, allowed, message)
        agree_all(case.inputs, expected, call.vjp(cotangents), allowed, message)
    except Violation as violation:
        mismatch = violation.mismatch
        # Differences cannot excuse what is too small for them to see, such as float32
        # inside.
        small = mismatch is not None and (mismatch.relative or 0.0) < _VISIBLE
        partly = theirs.own_forward and not surrogate
        if partly and not small and _numbers_agree(case):
            raise NotApplicable("torch sees only a part of forward; differences agree") from None
        raise


def is_seen(case: Case, theirs: OracleCall) -> bool:
    """Whether torch's gradient of forward is the rule's, or the rule's is wrong by differences."""
    call = differentiable_call(case)
    if call.root_numbers != theirs.root_numbers:
        return False
    cotangents = call.cotangents()
    try:
        agree_all(case.inputs, theirs.vjp(cotangents), call.vjp(cotangents), _VISIBLE, "")
    except (Violation, NotApplicable):
        return not _numbers_agree(case)
    return True


def _numbers_agree(case: Case) -> bool:
    try:
        check_slopes(case)
    except (Violation, NotApplicable):
        return False
    return True


def refuse_if_torch_has_roots(case: Case) -> None:
    """Raise Violation if torch has a gradient where the op has none."""
    try:
        numbers = case.oracle.call().root_numbers
    except NotApplicable:
        return
    raise Violation(f"torch has gradients of outputs {numbers}, but the op has none")


def same_roots(call: Call, theirs: OracleCall) -> None:
    """Raise Violation unless the same outputs have gradients, here and in torch."""
    if call.root_numbers != theirs.root_numbers:
        if call.engine.mends and set(theirs.root_numbers) < set(call.root_numbers):
            raise NotApplicable("an output does not depend on the inputs here")
        raise Violation(
            f"outputs {call.root_numbers} have gradients, in torch outputs {theirs.root_numbers} "
            "do: see ctx.mark_non_differentiable"
        )


def case_tolerance(case: Case, call: Call) -> float:
    """The tolerance for all dtypes that take part."""
    dtypes = [given.tensor.dtype for given in case.inputs]
    return tolerance(*dtypes, *(root.dtype for root in call.roots))


def agree_gradients(
    case: Case, got: Sequence[Any], expected: Sequence[Tensor | None], allowed: float, message: str
) -> None:
    """Compare raw gradients, after the sums and casts that are declared."""
    declaration = case.op.declaration
    if declaration.broadcasts or declaration.promotes or case.op.composite:
        return  # the engine's own gradients are compared: these, summed and cast
    # A gradient that nobody asked for may be there anyway: the engine drops it.
    got = [g if i in case.wanted else None for i, g in enumerate(got)]
    agree_all(case.inputs, expected, got, allowed, message)
