"""All laws on all ops, against torch's gradcheck and gradgradcheck on the same samples."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import torch

from plugrad.benchmarks.result import Result
from plugrad.plugins.default import registry
from plugrad.testing.case import Case
from plugrad.testing.many import check_many
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.benchmarks.effort import Effort
    from plugrad.plugins.registered_op import RegisteredOp

#: What the whole check may take on two cores.
_SECONDS = 60.0
_GRADCHECK = "torch gradcheck + gradgradcheck"
_WIDE = (torch.float64, torch.complex128)


def results(effort: Effort) -> Iterator[Result]:
    """Measure per op, in turn with torch in one process; then the whole with two."""
    entries = [registry[name] for name in effort.ops] or list(registry)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pairs = [_in_turn(entry) for entry in entries]
    torch.set_num_threads(threads)
    pairs = [(ours, theirs) for ours, theirs in pairs if theirs]
    ours, theirs = (1e3 * sum(side) / len(pairs) for side in zip(*pairs, strict=True))
    below = sum(ours < theirs for ours, theirs in pairs)
    numbers = {"plugrad": ours, _GRADCHECK: theirs}
    name = f"check of one op, mean ({below} of {len(pairs)} ops are below 1)"
    yield Result.of(name, "ms", numbers, aim=1.0, against=(_GRADCHECK,))
    start = time.perf_counter()
    count = sum(len(batch.results) for batch in check_many(entries, jobs=2))
    seconds = time.perf_counter() - start
    aim = f"{_SECONDS:g} s"
    name = f"check of {len(entries)} ops, {count} results, 2 processes"
    yield Result(name, "s", seconds, {aim: _SECONDS}, aim=1.0, against=(aim,))


def _in_turn(entry: RegisteredOp) -> tuple[float, float]:
    """Seconds for our whole check of an op, and for torch's; 0 if torch has nothing to check."""
    runner = Runner(OpUnderTest.of(entry))
    start = time.perf_counter()
    for _ in runner.results():
        pass
    ours = time.perf_counter() - start
    theirs = 0.0
    for index in range(len(runner.samples)):
        theirs += _gradcheck(runner.case(index))
    return ours, theirs


def _gradcheck(case: Case) -> float:
    """Seconds for torch's checks of one sample; 0 where it is not differentiable in float64."""
    reference = case.op.reference
    wanted = [i for i in case.wanted if case.inputs[i].tensor.dtype in _WIDE]
    if reference is None or not wanted or wanted != case.wanted:
        return 0.0
    values = case.values
    leaves = [values[i].requires_grad_() for i in wanted]

    def function(*moved: torch.Tensor) -> Any:
        given = list(values)
        for i, tensor in zip(wanted, moved, strict=True):
            given[i] = tensor
        args, kwargs = case.arguments(given)
        with case.random_numbers():
            return reference(*args, **kwargs)

    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # It fails at kinks; that it ran is what counts here.
            torch.autograd.gradcheck(function, leaves, raise_exception=False)
            torch.autograd.gradgradcheck(function, leaves, raise_exception=False)
        except (RuntimeError, ValueError, IndexError):
            return 0.0
    return time.perf_counter() - start
