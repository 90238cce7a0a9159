"""All laws on all ops, against torch's gradcheck and gradgradcheck on the same samples."""

from __future__ import annotations

import time
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from plugrad.benchmarks.result import Result
from plugrad.benchmarks.timing import interleaved, stopwatch
from plugrad.core.sample import Sample, SampleMaker
from plugrad.plugins.default import registry
from plugrad.testing.case import Case
from plugrad.testing.laws import LAWS
from plugrad.testing.many import check_many
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.runner import Runner, one_thread
from plugrad.testing.torch_target import TorchTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort
    from plugrad.plugins.registered_op import RegisteredOp

#: What the whole check may take on two cores.
_SECONDS = 60.0
_GRADCHECK = "torch gradcheck + gradgradcheck"
_WIDE = (torch.float64, torch.complex128)
#: The laws that run once a target, on one sample: of compilers and of torch.func.
_ONCE = ("compiled", "opcheck", "func-grad", "func-vmap")


class Exp(torch.autograd.Function):
    """As torch.func wants it."""

    @staticmethod
    def forward(x: Any) -> Any:
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, gy: Any) -> Any:
        (y,) = ctx.saved_tensors
        return gy * y


class Mul(torch.autograd.Function):
    """Of two inputs."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx: Any, gz: Any) -> Any:
        x, y = ctx.saved_tensors
        return gz * y, gz * x


class Softmax(torch.autograd.Function):
    """One that mixes elements."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x.softmax(-1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gy: Any) -> Any:
        (y,) = ctx.saved_tensors
        return y * (gy - (gy * y).sum(-1, keepdim=True))


def _one(make: SampleMaker) -> list[Sample]:
    return [Sample(make(3, 4)), Sample(make(5))]


def _two(make: SampleMaker) -> list[Sample]:
    return [Sample(make(3, 4), make(3, 4)), Sample(make(5), make(5))]


FUNCTIONS: tuple[tuple[Any, Any], ...] = ((Exp, _one), (Mul, _two), (Softmax, _one))


def results(effort: Effort) -> Iterator[Result]:
    """Measure per op, in turn with torch in one process; then the whole with two."""
    entries = [registry[name] for name in effort.ops] or [
        e for e in registry if e.function.is_builtin()
    ]
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
    with one_thread():
        yield _of_torchs_functions(effort)
    start = time.perf_counter()
    count = sum(len(batch.results) for batch in check_many(entries, jobs=2))
    seconds = time.perf_counter() - start
    aim = f"{_SECONDS:g} s"
    name = f"check of {len(entries)} ops, {count} results, 2 processes"
    yield Result(name, "s", seconds, {aim: _SECONDS}, aim=1.0, against=(aim,))


def _of_torchs_functions(effort: Effort) -> Result:
    """The mean of three, on two samples each; the laws that run once a target are left out."""
    sides = {"plugrad": 0.0, _GRADCHECK: 0.0}
    for function, samples in FUNCTIONS:
        op = TorchTarget(function, samples)
        cases = [Runner(op).case(index) for index in range(2)]
        contenders = {
            "plugrad": stopwatch(partial(_checked, function, samples)),
            _GRADCHECK: lambda cases=cases: sum(_gradcheck(c, c.op.apply) for c in cases),
        }
        for side, seconds in interleaved(contenders, min(effort.rounds, 20)).items():
            sides[side] += 1e3 * seconds / len(FUNCTIONS)
    name = "check of one torch.autograd.Function, mean of 3"
    return Result.of(name, "ms", sides, aim=2.0, against=(_GRADCHECK,))


def _checked(function: Any, samples: Any) -> None:
    laws = [law for law in LAWS if law.id not in _ONCE]
    for _ in Runner(TorchTarget(function, samples)).results(laws):
        pass


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


def _gradcheck(case: Case, function: Callable[..., Any] | None = None) -> float:
    """Seconds for torch's checks of one sample; 0 where it is not differentiable in float64."""
    reference = function or case.op.reference
    wanted = [i for i in case.wanted if case.inputs[i].tensor.dtype in _WIDE]
    if reference is None or not wanted or wanted != case.wanted:
        return 0.0
    values = case.values
    leaves = [values[i].requires_grad_() for i in wanted]

    def moving(*moved: torch.Tensor) -> Any:
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
            torch.autograd.gradcheck(moving, leaves, raise_exception=False)
            torch.autograd.gradgradcheck(moving, leaves, raise_exception=False)
        except Exception:  # it refuses the sample: an output that is None, say
            return 0.0
    return time.perf_counter() - start
