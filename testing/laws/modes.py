"""Other modes: forward mode, and a batch of cotangents at once."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from plugrad.core.counted import counted
from plugrad.testing.agree import agree, agree_all
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.jacobians import inner
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.gradients import ruled_call
from plugrad.testing.laws.oracle import case_tolerance
from plugrad.testing.shared import random_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


@LAWS.law("jvp", "beyond")
def jvp(case: Case) -> None:
    """The op's own jvp fits its vjp and the slope of forward.

    The test is <u, jvp(v)> = <vjp(u), v> for random u and v. (A jvp maps the inputs'
    tangents to the outputs', a vjp the outputs' cotangents to the inputs'.)
    """
    if not case.op.has_jvp:
        raise NotApplicable("the op has no jvp")
    call, _node = ruled_call(case, new=False)
    if case.op.dirties:
        raise NotApplicable("forward writes to an input")
    generator = case.generator(40)
    tangents: list[Any] = [
        random_like(given.tensor, generator) if given.differentiable else None
        for given in case.inputs
    ]
    pushed = pushed_tangents(case, call, tangents)
    if len(pushed) != len(call.outputs):
        given, wanted = counted(len(pushed), "tangent"), counted(len(call.outputs), "output")
        raise Violation(f"jvp gives {given} for {wanted}")
    cotangents = call.cotangents()
    gradients = call.vjp(cotangents)
    numbers = call.root_numbers
    forwards = sum(inner(pushed[n], c) for n, c in zip(numbers, cotangents, strict=True))
    backwards = sum(
        inner(gradients[i], tangents[i]) for i in case.wanted if gradients[i] is not None
    )
    expected, got = torch.tensor(backwards), torch.tensor(forwards)
    allowed = case_tolerance(case, call)
    agree(expected, got, "<u, jvp(v)>", allowed, "jvp does not fit backward", scale=1.0)


def pushed_tangents(case: Case, call: Call, tangents: list[Any]) -> list[Any]:
    """What the op's own jvp makes of these tangents of the inputs: one for each output."""
    if case.op.engine is PLUGRAD:
        per_argument = [None if i is None else tangents[i] for i in case.edge_inputs]
        with torch.no_grad():
            pushed = case.op.function.jvp(call.record, *per_argument)
        return list(pushed) if isinstance(pushed, tuple | list) else [pushed]
    ad: Any = forward_ad  # which has no types
    with ad.dual_level():
        values = [
            t if tangent is None else ad.make_dual(t, tangent)
            for t, tangent in zip(case.values, tangents, strict=True)
        ]
        found = [
            ad.unpack_dual(o).tangent if isinstance(o, Tensor) else None
            for o in case.call_on(values).outputs
        ]
        return [
            torch.zeros_like(o) if t is None and isinstance(o, Tensor) else t
            for o, t in zip(call.tensors, found, strict=True)
        ]


@LAWS.law("batched-cotangents", "beyond")
def batched_cotangents(case: Case) -> None:
    """The rule works on a batch of cotangents at once, under torch.vmap.

    So a whole Jacobian costs one run. A rule that looks at values (``.item()``, ``if``),
    writes into a new tensor, or leaves torch for NumPy or SciPy cannot do this. A rule that
    has to leave torch waives this law.
    """
    call, _ = ruled_call(case, new=False)
    first, second = call.cotangents(1), call.cotangents(2)
    wanted = case.wanted
    present: list[int] = []

    def rule(*cotangents: Tensor) -> tuple[Tensor, ...]:
        gradients = call.rule(cotangents)
        present[:] = [i for i in wanted if gradients[i] is not None]
        return tuple(gradients[i] for i in present)

    stacked = [torch.stack(pair) for pair in zip(first, second, strict=True)]
    try:
        with torch.no_grad():
            batched = torch.vmap(rule)(*stacked)
        _same_as_loop(case, call, batched, present, (first, second))
    except Exception as error:
        if _torch_cannot_either(case, stacked, (first, second)):
            raise NotApplicable("torch.vmap fails on torch's own backward here too") from None
        if isinstance(error, Violation):
            raise
        raise Violation(_why_no_batch(case, error)) from error


def _why_no_batch(case: Case, error: Exception) -> str:
    """What the rule cannot do in a batch, where it does it, and how to avoid it."""
    text = f"{type(error).__name__}: {error}"
    file = getattr(sys.modules.get(case.op.function.__module__), "__file__", None)
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    call = "@op" if case.op.engine is PLUGRAD else "check_op"
    if any(sign in text for sign in _OUT_OF_TORCH):
        return (
            "torch.vmap cannot pass through NumPy, SciPy or a list, and backward leaves torch "
            f"for one{place}: compute with torch's functions, or waive the law: "
            f'{call}(..., waives={{"batched-cotangents": "backward is in NumPy"}}) ({text})'
        )
    return (
        f"under torch.vmap backward raises {text}{place}: compute with tensors only, without "
        "looking at single values, or waive the law: "
        f'{call}(..., waives={{"batched-cotangents": "why"}})'
    )


#: What torch says where a tensor of a batch is asked for its memory.
_OUT_OF_TORCH = ("have storage", "data pointer", "numpy", "NumPy")


def _same_as_loop(
    case: Case,
    call: Call,
    batched: Sequence[Tensor],
    present: Sequence[int],
    batch: Sequence[Sequence[Tensor]],
) -> None:
    allowed = case_tolerance(case, call)
    inputs = [case.inputs[i] for i in present]
    for number, cotangents in enumerate(batch):
        loop = call.rule(cotangents)
        got = [g[number] for g in batched]
        agree_all(inputs, [loop[i] for i in present], got, allowed, "batched, the rule differs")


def _torch_cannot_either(
    case: Case, stacked: Sequence[Tensor], batch: Sequence[Sequence[Tensor]]
) -> bool:
    """Whether torch's own backward raises in a batch, or differs from a loop."""
    try:
        theirs = case.oracle.call()
    except NotApplicable:
        return False
    loop = [theirs.vjp(cotangents) for cotangents in batch]
    try:
        together = theirs.vjp(stacked, batched=True)
        for number, expected in enumerate(loop):
            got = [None if g is None else g[number] for g in together]
            agree_all(case.inputs, expected, got, 1e-10, "")
    except (NotApplicable, IndexError, ValueError, ArithmeticError, Violation):
        return True
    return False
