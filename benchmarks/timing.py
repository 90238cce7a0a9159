"""Timing that is fair on a busy machine: everybody in turn, and medians."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    #: Runs something and says how many seconds the part that counts took.
    Stopwatch = Callable[[], float]


def stopwatch(run: Callable[[], object]) -> Stopwatch:
    """Time the whole of ``run``."""

    def timed() -> float:
        started = perf_counter()
        run()
        return perf_counter() - started

    return timed


def processor_time(run: Callable[[], object]) -> Stopwatch:
    """Time what the processor spends on ``run``: waiting for others' work does not count."""

    def timed() -> float:
        started = process_time()
        run()
        return process_time() - started

    return timed


def interleaved(
    contenders: Mapping[str, Stopwatch], rounds: int, warm_up: bool = True
) -> dict[str, float]:
    """Return the median seconds of each contender over ``rounds`` rounds.

    In each round every contender runs once, another one first each time, so that what
    else happens on the machine hits all of them. One round before, to warm up, is not
    counted; a process of its own each time needs none. Python's garbage collector stays on, as it
    is for users: its share is real.
    """
    return {name: median(times) for name, times in _in_turn(contenders, rounds, warm_up).items()}


def least(contenders: Mapping[str, Stopwatch], rounds: int) -> dict[str, float]:
    """Return the least seconds of each: for long runs, which others' work mostly disturbs."""
    return {name: min(times) for name, times in _in_turn(contenders, rounds).items()}


def _in_turn(
    contenders: Mapping[str, Stopwatch], rounds: int, warm_up: bool = True
) -> dict[str, list[float]]:
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    for turn in range(0 if warm_up else 1, rounds + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            took = contenders[name]()
            if turn:
                seconds[name].append(took)
    return seconds


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch's kernels use ``count`` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
