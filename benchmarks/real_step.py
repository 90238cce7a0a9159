"""A training step at size, where kernels do the work: its time and its peak memory.

An MLP 1024-1024-1024-10 on a batch of 256 in float32: forward, cross entropy, backward
and the update of plain gradient descent, on two threads.

The memory is the most bytes of tensors alive at any moment of one step. torch's profiler
reports every allocation and release of torch's CPU allocator, in order; their running sum
is what the step has on top of the parameters and the batch, which are added to it.
Nothing is wrapped or referenced, so buffers live exactly as long as without the
profiler; what kernels allocate for themselves counts, for both sides alike.
"""

from __future__ import annotations

import os

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler is asked for no log

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

import plugrad as pg
from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import interleaved, stopwatch, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort

_TIME_AIM = 1.03
_MEMORY_AIM = 1.0
_THREADS = 2
_BATCH = 256
_CLASSES = 10
_RATE = 1e-2


class Trainee:
    """One side: a model's parameters, a batch, and a step."""

    def __init__(
        self, width: int, leaf: Callable[[Tensor], Any], constant: Callable[[Tensor], Any]
    ) -> None:
        random = torch.Generator().manual_seed(0)
        self.parameters: list[Any] = []
        for outputs in (width, width, _CLASSES):
            weight = torch.randn(outputs, width, generator=random) / width**0.5
            self.parameters += [leaf(weight), leaf(torch.zeros(outputs))]
        self.pixels = constant(torch.randn(_BATCH, width, generator=random))
        self.labels = torch.randint(0, _CLASSES, (_BATCH,), generator=random)

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        for p in self.parameters:
            p.grad = None

    def step(self) -> None:
        """Forward, backward, update."""
        x = self.pixels
        w1, b1, w2, b2, w3, b3 = self.parameters
        x = functional.relu(functional.linear(x, w1, b1))
        x = functional.relu(functional.linear(x, w2, b2))
        x = functional.linear(x, w3, b3)
        loss: Any = functional.cross_entropy(x, self.labels)
        loss.backward()
        self.update()

    def update(self) -> None:
        """Move the parameters down their gradients."""
        for p in self.parameters:
            p.data.sub_(p.grad.data, alpha=_RATE)

    def whole_step(self) -> None:
        """A step with the forgetting before it."""
        self.zero_grad()
        self.step()

    def bytes_between_steps(self) -> int:
        """What is alive all the time: parameters and batch."""
        tensors = [p.data for p in self.parameters] + [self.pixels.data, self.labels]
        return sum(t.untyped_storage().nbytes() for t in tensors)


def results(effort: Effort) -> Iterator[Result]:
    """Measure the time, then the memory."""
    trainees = {
        "plugrad": Trainee(effort.width, pg.Parameter, pg.Variable),
        TORCH: Trainee(effort.width, Tensor.requires_grad_, Tensor.detach),
    }
    work = f"one step of an MLP {effort.width}-{effort.width}-{effort.width}-10, batch {_BATCH}"
    with threads(_THREADS):
        seconds = interleaved(
            {name: stopwatch(trainee.whole_step) for name, trainee in trainees.items()},
            effort.step_rounds,
        )
        yield Result.of(
            work, "ms", {name: 1e3 * value for name, value in seconds.items()}, aim=_TIME_AIM
        )
        yield Result.of(
            f"peak memory of {work}",
            "MiB",
            {name: peak_bytes(trainee) / 2**20 for name, trainee in trainees.items()},
            aim=_MEMORY_AIM,
        )


def peak_bytes(trainee: Trainee) -> int:
    """Return the most bytes of tensors alive at a moment of one step."""
    trainee.zero_grad()  # the profiler only knows what is allocated while it looks
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        trainee.step()
    assert profile.kineto_results is not None
    events = [e for e in profile.kineto_results.events() if e.name() == "[memory]"]
    alive = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        alive += event.nbytes()
        peak = max(peak, alive)
    return trainee.bytes_between_steps() + peak
