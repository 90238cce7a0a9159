"""What attributes on ctx cost: a recorded call of a user's op that sets none, one, three.

The forwards differ in nothing else. What is set is what people set: a number, a name, a shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import plugrad as pg
from plugrad.benchmarks.result import Result
from plugrad.benchmarks.timing import interleaved, stopwatch, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort

NONE = "plugrad, no attribute"
_AIMS = {"one attribute": 1.05, "three attributes": 1.2}


class _Double(pg.Function):
    """y = 2x, without an attribute."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Double."""
        return x * 2.0

    @staticmethod
    def backward(ctx: Any, gy: Any) -> Any:
        """Double, too."""
        return gy * 2.0


class _OneAttribute(_Double):
    """The same with a number on ctx."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Double."""
        ctx.factor = 2.0
        return x * 2.0


class _ThreeAttributes(_Double):
    """The same with a number, a name and a shape."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Double."""
        ctx.factor = 2.0
        ctx.mode = "mean"
        ctx.shape = _SHAPE
        return x * 2.0


_SHAPE = (8,)


def results(effort: Effort) -> Iterator[Result]:
    """Measure the calls."""
    x = pg.Variable(torch.ones(8), requires_grad=True)
    contenders = {
        NONE: _Double,
        "one attribute": _OneAttribute,
        "three attributes": _ThreeAttributes,
    }
    with threads(1):
        seconds = interleaved(
            {
                name: stopwatch(_calls(op.apply, x, effort.repeats))
                for name, op in contenders.items()
            },
            effort.rounds,
        )
    numbers = {name: 1e6 * value / effort.repeats for name, value in seconds.items()}
    for count, aim in _AIMS.items():
        yield Result(
            f"a call of a user's op that sets {count} on ctx",
            "us",
            numbers[count],
            {NONE: numbers[NONE]},
            aim=aim,
            against=(NONE,),
        )


def _calls(op: Callable[[Any], Any], x: Any, repeats: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(repeats):
            op(x)

    return run
