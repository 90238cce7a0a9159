"""The backward of long chains: the time per node must not grow with the length.

Only the backward is timed; the chain, mul by a constant over and over on one number, is
built before. torch's own engine stands beside it.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

import plugrad as pg
from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import interleaved, threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.benchmarks.effort import Effort
    from plugrad.benchmarks.timing import Stopwatch

_FACTOR = 1.0000001


def results(effort: Effort) -> Iterator[Result]:
    """Measure each length; from the second on, the shortest is a peer to compare with."""
    shortest: dict[str, float] = {}
    for length in effort.chains:
        contenders = {"plugrad": backward(length, True), TORCH: backward(length, False)}
        with threads(1):
            seconds = interleaved(contenders, effort.chain_rounds)
        numbers = {name: 1e6 * value / length for name, value in seconds.items()}
        name = f"backward of one node in a chain of {length:,}"
        yield Result.of(name, "us", numbers | shortest)
        if not shortest:
            shortest = {f"plugrad, chain of {length:,}": numbers["plugrad"]}


def backward(length: int, ours: bool) -> Stopwatch:
    def timed() -> float:
        x: Any = torch.ones(1)
        x = pg.Variable(x, requires_grad=True) if ours else x.requires_grad_()
        for _ in range(length):
            x = x * _FACTOR
        started = perf_counter()
        x.backward()
        return perf_counter() - started

    return timed
