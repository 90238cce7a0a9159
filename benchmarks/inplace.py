"""An in-place op, ``x.add_(y)`` on eight float32 numbers: recorded, and where nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

import plugrad as pg
from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import interleaved, stopwatch, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort


def results(effort: Effort) -> Iterator[Result]:
    """Measure the recorded one, then the other."""
    for what, records in (("recorded", True), ("not recorded", False)):
        contenders = {
            "plugrad": stopwatch(_adding(pg.Variable, records, effort.repeats)),
            TORCH: stopwatch(_adding(torch.Tensor.detach, records, effort.repeats)),
        }
        with threads(1):
            seconds = interleaved(contenders, effort.rounds)
        yield Result.of(
            f"add_, {what}",
            "us",
            {name: 1e6 * value / effort.repeats for name, value in seconds.items()},
        )


def _adding(made_of: Callable[[Any], Any], records: bool, repeats: int) -> Callable[[], None]:
    """Add a leaf over and over to what an op made of it."""
    y = made_of(torch.ones(8)).requires_grad_(records)

    def run() -> None:
        x = y * 2.0
        for _ in range(repeats):
            x.add_(y)

    return run
