"""differentiable_call: what all laws about gradients begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.testing.not_applicable import NotApplicable

if TYPE_CHECKING:
    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


def differentiable_call(case: Case) -> Call:
    """A call whose outputs have gradients.

    Raises:
        NotApplicable: there are none.
    """
    if not case.op.declaration.differentiable:
        raise NotApplicable("the op is declared differentiable=False")
    if not case.wanted:
        raise NotApplicable("no input is differentiable")
    call = case.call()
    if not call.roots:
        raise NotApplicable("no output is differentiable")
    return call
