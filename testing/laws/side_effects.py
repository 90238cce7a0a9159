"""Side effects: what a call must not do to its inputs and to torch's global state."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.testing.agree import agree
from plugrad.testing.case import Case, seeded
from plugrad.testing.law import LAWS, NotApplicable, Violation


@LAWS.law("inputs-unchanged", "forward")
def inputs_unchanged(case: Case) -> None:
    """Forward leaves its inputs as they were, bit for bit.

    Callers do not expect their data to change; ``mark_dirty`` is for ops that announce it.
    """
    if case.op.dirties:
        raise NotApplicable("forward says with ctx.mark_dirty that it writes to an input")
    given, before = case.values, case.values
    versions = [t._version for t in given]
    case.call(given)
    for i, (was, now) in enumerate(zip(before, given, strict=True)):
        what = case.inputs[i].name
        agree(was, now, what, 0.0, "forward changed an input in place", caused=False)
        if now._version != versions[i]:
            raise Violation(
                f"forward wrote to the input {what} in place, even if only the same values"
            )


@LAWS.law("aliasing", "forward")
def aliasing(case: Case) -> None:
    """An output shares memory with an input only if the op is declared a view.

    Otherwise an in-place change of one would change the other unexpectedly.
    """
    if case.op.declaration.view:
        raise NotApplicable("the op is declared view=True")
    values = case.values
    call = case.call(values)
    memory = {t.untyped_storage()._cdata for t in values if t.numel()}
    for number, output in enumerate(call.tensors):
        if not isinstance(output, Tensor) or not output.numel():
            continue
        given = call.outputs[number]
        # What returned its very input, as x.contiguous() may, hides nothing.
        known = any(given is v for v in call.variables) or case.op.engine.knows_view(
            given, call.variables
        )
        if output.untyped_storage()._cdata in memory and not known:
            fix = _UNSHARE[case.op.engine.name]
            raise Violation(f"output {number} shares memory with an input: {fix}")


_UNSHARE = {
    "plugrad": "declare view=True, or clone it",
    "torch": "torch does not know that, and an in-place change of one silently changes the other",
}


@LAWS.law("global-state", "forward")
def global_state(case: Case) -> None:
    """Forward and backward leave torch's global state as it was.

    This covers grad mode, the default dtype, the number of threads, and whether algorithms
    are deterministic.
    """
    case.forward()  # a change that is made once stays
    before = _global_state()
    call = case.call()
    if call.roots:
        call.vjp(call.cotangents())
    after = _global_state()
    for what, was in before.items():
        now = after[what]
        if was != now:
            raise Violation(f"the op changed torch's {what}")


def _global_state() -> dict[str, Any]:
    return {
        "grad mode": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "deterministic mode": torch.are_deterministic_algorithms_enabled(),
        "number of threads": torch.get_num_threads(),
    }


@LAWS.law("random-state", "forward")
def random_state(case: Case) -> None:
    """Only declared draws in forward move torch's random generator.

    An op that draws random numbers declares ``random=True``, and draws only in forward. An
    op that sets the seed makes everybody's next numbers the same: dropout masks, shuffles,
    initial weights.
    """
    states = [_states(case, seed) for seed in (1, 2)]
    (before, forward, backward), (_, other, _) = states
    if torch.equal(forward, other):
        raise Violation(
            "forward sets the state of torch's generator: take numbers from its own "
            "torch.Generator instead of calling manual_seed"
        )
    if not torch.equal(forward, backward):
        raise Violation(
            "backward draws from torch's generator, or sets its state: draw in forward, and save "
            "what was drawn"
        )
    if not case.op.declaration.random and not torch.equal(before, forward):
        raise Violation(
            "forward draws from torch's generator: declare random=True if it is meant to"
        )


def _states(case: Case, seed: int) -> list[Tensor]:
    """The generator's state before forward, after it, and after backward."""
    leaves = case.leaves(case.values)
    with seeded(seed):
        states = [torch.get_rng_state()]
        call = case.drawing_call(leaves)
        states.append(torch.get_rng_state())
        if call.roots:
            cotangents = call.cotangents()
            call.engine.backward(call.roots, cotangents)
        states.append(torch.get_rng_state())
    return states
