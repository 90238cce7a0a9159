"""Side effects: what a call must not do to its inputs and to torch's global state."""

from __future__ import annotations

import random
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.random_state import RandomState
from plugrad.testing.agree import agree
from plugrad.testing.case import Case, seeded
from plugrad.testing.law import LAWS, NotApplicable, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@LAWS.law("inputs-unchanged", "forward")
def inputs_unchanged(case: Case) -> None:
    """Forward leaves its inputs as they were, bit for bit.

    Callers do not expect their data to change; ``mark_dirty`` is for ops that announce it.
    """
    if case.op.dirties:
        raise NotApplicable("forward says with ctx.mark_dirty that it writes to an input")
    given, before = case.values, case.values
    versions = [t._version for t in given]
    passed: list[Any] = []

    def apply(*args: Any, **kwargs: Any) -> Any:
        passed.extend((args, kwargs))
        return case.op.apply(*args, **kwargs)

    case.call(given, apply=apply)
    if passed and _plain(passed) != _plain(list(case.arguments(given))):
        raise Violation("forward changed a list or dictionary that it was given: copy it first")
    for i, (was, now) in enumerate(zip(before, given, strict=True)):
        what = case.inputs[i].name
        agree(was, now, what, 0.0, "forward changed an input in place", caused=False)
        if now._version != versions[i]:
            raise Violation(
                f"forward wrote to the input {what} in place, even if only the same values"
            )


def _plain(value: Any) -> Any:
    """The numbers and words in lists and dictionaries, without the tensors."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value if isinstance(value, int | float | complex | str) else None


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
    numpy = sys.modules.get("numpy")
    return {
        "grad mode": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "deterministic mode": torch.are_deterministic_algorithms_enabled(),
        "number of threads": torch.get_num_threads(),
        "(that is, NumPy's) handling of errors": None if numpy is None else numpy.geterr(),
    }


@LAWS.law("random-state", "forward")
def random_state(case: Case) -> None:
    """Only declared draws in forward move torch's random generator.

    An op that draws random numbers declares ``random=True``, and draws only in forward. An
    op that sets the seed makes everybody's next numbers the same: dropout masks, shuffles,
    initial weights.
    """
    with _other_generators() as moved:
        before, forward, backward = _states(case, 1)
        _, other, _ = _states(case, 2, backward=False)
        module = moved()
        if module and not case.op.declaration.random:
            raise Violation(
                f"the op moves, or seeds, the generator of {module}: take numbers from one of its "
                "own"
            )
    if forward == other:
        raise Violation(
            "forward sets the state of torch's generator: take numbers from its own "
            "torch.Generator instead of calling manual_seed"
        )
    if forward != backward:
        raise Violation(
            "backward draws from torch's generator, or sets its state: draw in forward, and save "
            "what was drawn"
        )
    if not case.op.declaration.random and before != forward:
        raise Violation(
            "forward draws from torch's generator: declare random=True if it is meant to"
        )


@contextmanager
def _other_generators() -> Iterator[Callable[[], str]]:
    """In the block Python's generator and NumPy's have states that nobody else gives them.

    Yields: A function that says which of them was moved since; it can be asked once.
    """
    modules: dict[str, Any] = {"random": random}
    if "numpy" in sys.modules:
        modules["numpy.random"] = sys.modules["numpy"].random
    before = {name: _get_state(module) for name, module in modules.items()}
    for module in modules.values():
        module.seed(_SEED)

    def moved() -> str:
        # The next number tells as much as the whole state, which takes long to copy and compare.
        drawn = {name: module.random() for name, module in modules.items()}
        return next((name for name in modules if drawn[name] != _first_number(name)), "")

    try:
        yield moved
    finally:
        for name, module in modules.items():
            (module.setstate if module is random else module.set_state)(before[name])


_SEED = 0x5EED


@cache
def _first_number(module: str) -> float:
    """What the generator of Python or NumPy gives first after it was given the seed."""
    if module == "random":
        return random.Random(_SEED).random()
    number: float = sys.modules["numpy"].random.RandomState(_SEED).random()
    return number


def _get_state(module: Any) -> Any:
    return module.getstate() if module is random else module.get_state()


def _states(case: Case, seed: int, backward: bool = True) -> list[RandomState]:
    """The generators' states before forward, after it, and after backward, if that is run."""
    leaves = case.leaves(case.values)
    with seeded(seed):
        states = [RandomState()]
        call = case.drawing_call(leaves)
        states.append(RandomState())
        if call.roots and backward:
            cotangents = call.cotangents()
            call.engine.backward(call.roots, cotangents)
        states.append(RandomState())
    return states
