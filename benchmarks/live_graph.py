"""A graph of many nodes alive: the time of an op then, and what the garbage collector must visit.

Chains of mul, add and sin are kept in a list until there are so many nodes. Python's collector goes
over all containers it tracks again and again as more are made, so their number per node counts.
"""

from __future__ import annotations

import gc
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

import plugrad as pg
from plugrad.benchmarks.op_overhead import OPS, chain
from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import interleaved, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort
    from plugrad.benchmarks.timing import Stopwatch

    Forward = Callable[[], Any]

#: Rounds of mul, add, sin in each chain that is kept.
_REPEATS = 10
_LENGTH = OPS * _REPEATS
_CONTAINERS = 3.0
#: How many graphs one measurement makes, each after a full collection, as the first of a program is
#: made. Otherwise the making of one takes one to six full collections, by where the collector
#: stands, and they take most of its time.
_GRAPHS = 5


def results(effort: Effort) -> Iterator[Result]:
    """Measure the time of an op, then the containers."""
    ours, nodes = growing(True, effort.live_nodes)
    theirs, _ = growing(False, effort.live_nodes)
    with threads(1):
        seconds = interleaved({"plugrad": ours, TORCH: theirs}, effort.chain_rounds)
        yield Result.of(
            f"one op of a forward that keeps {nodes:,} nodes alive",
            "us",
            {name: 1e6 * value / nodes for name, value in seconds.items()},
        )
        aim = f"{_CONTAINERS:g} a node"
        found = containers(_forward(True), nodes // _LENGTH) / nodes
        yield Result(
            "containers that the garbage collector tracks, a node",
            "",
            found,
            {aim: _CONTAINERS},
            aim=1.0,
            against=(aim,),
        )


def growing(ours: bool, nodes: int) -> tuple[Stopwatch, int]:
    """What times the making of about so many nodes, and how many they are exactly."""
    chains = max(1, nodes // _LENGTH)
    forward = _forward(ours)

    def timed() -> float:
        took = 0.0
        for _ in range(_GRAPHS):
            gc.collect()
            started = perf_counter()
            alive = [forward() for _ in range(chains)]
            took += perf_counter() - started
            del alive  # to free the graph does not count
        return took / _GRAPHS

    return timed, chains * _LENGTH


def containers(forward: Forward, chains: int) -> int:
    """How many objects more the collector tracks while the graph is alive."""
    gc.collect()
    before = len(gc.get_objects())
    alive = [forward() for _ in range(chains)]
    gc.collect()
    after = len(gc.get_objects())
    del alive
    return after - before


def _forward(ours: bool) -> Forward:
    x: Any = torch.linspace(0.1, 0.8, 8)
    weight: Any = torch.linspace(0.9, 1.1, 8)
    bias: Any = torch.linspace(-0.1, 0.1, 8)
    sin: Any = torch.Tensor.sin
    if ours:
        x, weight, bias = pg.Variable(x, requires_grad=True), pg.Variable(weight), pg.Variable(bias)
        sin = pg.Variable.sin  # type: ignore[attr-defined]  # the registry attaches it
    else:
        x.requires_grad_()
    return lambda: chain(x, weight, bias, sin, _REPEATS)
