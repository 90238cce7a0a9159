"""check_many and strength_of_many: many ops, in several processes."""

from __future__ import annotations

import multiprocessing
import signal
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TYPE_CHECKING

import torch

from plugrad.errors import UnknownOpError
from plugrad.plugins.default import packs
from plugrad.testing.check import choose_laws
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.pool import TICK, Batch, Pool, Settings, results_of
from plugrad.testing.runner import TIME_LIMIT, one_thread
from plugrad.testing.strength import choose_faults, op_strength
from plugrad.testing.strength_report import FaultResult, StrengthReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugrad.plugins.selection import PackSelection
    from plugrad.testing.pool import Checkable
    from plugrad.testing.result import Result


def check_many(
    ops: Sequence[Checkable],
    *,
    laws: Sequence[str] | None = None,
    samples: Sequence[int] | None = None,
    seed: int = 0,
    device: str = "cpu",
    time_limit: float = TIME_LIMIT,
    jobs: int = 1,
    stop: Callable[[], bool] = lambda: False,
    strict: bool = False,
) -> Iterator[Batch]:
    """Check ops, and yield their results as they come: in order for each op, ops mixed.

    An op that another process cannot import is checked in this one. If a process dies, or
    is stuck in C for far longer than the time limit, the op it was working on gets a failed
    result.

    Args:
        ops: entries of the default registry, or ops under test, whose seed and device are theirs.
        laws: ids of laws; by default all.
        samples: numbers of samples; by default all. A number that an op lacks is left out.
        seed: the seed for samples and cotangents.
        device: the device of the samples' tensors.
        time_limit: seconds for each law on each sample; 0 for none.
        jobs: how many processes; 1 for this one alone.
        stop: called a few times a second; once it returns True, nothing more is checked.
        strict: whether a warning is a failure.

    Raises:
        UnknownLawError: no law has an id.
    """
    settings = Settings(
        tuple(law.id for law in choose_laws(laws)),
        None if samples is None else tuple(samples),
        seed,
        device,
        time_limit,
        packs.selection,
        strict,
    )
    with one_thread():
        here = list(ops)
        if jobs > 1:
            pool = Pool(settings, jobs, stop)
            yield from pool.batches([op for op in ops if not isinstance(op, OpUnderTest)])
            here = [*pool.left, *(op for op in ops if isinstance(op, OpUnderTest))]
        for entry in here:
            if stop():
                return
            yield from _batches(entry, settings, stop)


def _batches(
    entry: Checkable, settings: Settings, stop: Callable[[], bool] = lambda: False
) -> Iterator[Batch]:
    collected: list[Result] = []
    sent = time.monotonic()
    for result in results_of(entry, settings):
        collected.append(result)
        if time.monotonic() - sent > TICK:
            yield Batch(entry.name, collected, False)
            if stop():
                return
            collected, sent = [], time.monotonic()
    yield Batch(entry.name, collected, True)


#: With more ops than these, or in processes, each is checked quickly before its faults.
FEW_OPS = 20


def strength_of_many(
    ops: Sequence[Checkable],
    *,
    faults: Sequence[str] | None = None,
    seed: int = 0,
    jobs: int = 1,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[StrengthReport]:
    """The report of each op as it comes.

    An op that another process cannot find by its name is looked at in this one.

    Args:
        ops: entries of the default registry, or ops under test, whose seed is theirs.
        faults: ids, as in ``op_strength``.
        seed: the seed for samples and cotangents.
        jobs: how many processes; 1 for this one alone.
        stop: called after every op; once it returns True, nothing more is done.

    Raises:
        UnknownFaultError: there is no fault of an id.
    """
    chosen, few = choose_faults(faults), len(ops) <= FEW_OPS
    here = list(ops)
    if jobs > 1:
        here = [op for op in ops if isinstance(op, OpUnderTest)]
        names = [op.name for op in ops if not isinstance(op, OpUnderTest)]
        for name, report in _elsewhere(names, chosen, seed, jobs, stop):
            if report is None:
                here += [entry for entry in ops if entry.name == name]
            else:
                yield report
    with one_thread():
        for entry in here:
            if stop():
                return
            yield op_strength(entry, seed=seed, faults=faults if few else chosen)


def _elsewhere(
    names: Sequence[str],
    faults: tuple[str, ...],
    seed: int,
    jobs: int,
    stop: Callable[[], bool],
) -> Iterator[tuple[str, StrengthReport | None]]:
    """The name of an op and its report; None where the process does not know the op."""
    work = partial(_in_worker, faults=faults, seed=seed)
    pool, broken = _pool(jobs), []
    try:
        futures = {pool.submit(work, name): name for name in names}
        for future in as_completed(futures):
            try:
                report = future.result()
            except BrokenProcessPool:  # one op killed its process, and all waiting ops are lost
                broken.append(futures[future])
                continue
            yield futures[future], report
            if stop():
                return
    finally:
        pool.shutdown(cancel_futures=True)
    for name in broken:
        yield name, _alone(work, name, seed)
        if stop():
            return


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Not fork: torch's threads do not survive it.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_begin, initargs=(packs.selection,)
    )


def _alone(
    work: Callable[[str], StrengthReport | None], name: str, seed: int
) -> StrengthReport | None:
    """The report of an op in a process of its own, which it may kill."""
    with _pool(1) as pool:
        try:
            return pool.submit(work, name).result()
        except BrokenProcessPool:
            died = "the process that injected its faults died"
            return StrengthReport([FaultResult(name, "all", "survived", died, seed=seed)])


def _begin(selection: PackSelection | None) -> None:
    packs.selection = selection
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    torch.set_num_threads(1)


def _in_worker(name: str, faults: tuple[str, ...], seed: int) -> StrengthReport | None:
    try:
        return op_strength(name, seed=seed, faults=faults)
    except UnknownOpError:
        return None
