"""A torch function without an op, which runs as torch's own primitives, beside one that has an op.

``normalize`` has none: torch's implementation of it runs below autograd, and each primitive in it
is our op. ``layer_norm`` has one. Small tensors: what is seen is the way to the kernels.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

import plugrad as pg
from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import least, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort
    from plugrad.benchmarks.timing import Stopwatch

_SHAPE = 8, 16
#: By what the row says of it: the function, called with x.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "normalize, which has no op": functional.normalize,
    "its four ops, written out": lambda x: (
        x / x.norm(2, 1, keepdim=True).clamp_min(1e-12).expand_as(x)
    ),
    "layer_norm, which has an op": lambda x: functional.layer_norm(x, _SHAPE[1:]),
}


def results(effort: Effort) -> Iterator[Result]:
    """Measure a call of each."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(_SHAPE, generator=random)
    inputs = {"plugrad": pg.Variable(x, requires_grad=True), TORCH: x.clone().requires_grad_()}
    with threads(1):
        for name, function in FUNCTIONS.items():
            seconds = least(
                {who: _calls(function, x, effort.repeats) for who, x in inputs.items()},
                effort.rounds,
            )
            yield Result.of(
                f"a call of {name}", "us", {who: 1e6 * value for who, value in seconds.items()}
            )


def _calls(function: Callable[[Any], Any], x: Any, count: int) -> Stopwatch:
    def timed() -> float:
        started = perf_counter()
        for _ in range(count):
            function(x)
        return (perf_counter() - started) / count

    return timed
