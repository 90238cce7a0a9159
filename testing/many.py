"""check_many and strength_of_many: many ops, in several processes."""

from __future__ import annotations

import importlib
import multiprocessing
import signal
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial, reduce
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import torch

from plugrad.errors import UnknownOpError
from plugrad.plugins.default import packs, registry
from plugrad.testing.case import OpUnderTest
from plugrad.testing.check import choose_laws, under_test
from plugrad.testing.law import for_op, for_samples
from plugrad.testing.result import Result
from plugrad.testing.runner import TIME_LIMIT, Runner, one_thread
from plugrad.testing.strength import FaultResult, StrengthReport, choose_faults, op_strength

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from ctypes import c_longlong
    from multiprocessing.connection import Connection

    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.plugins.selection import PackSelection
    from plugrad.testing.law import Law


#: Seconds between two looks at whether to stop, and between two batches of a worker.
TICK = 0.1


class Batch(NamedTuple):
    """Some results of the op ``op``; ``done`` if they are the last ones."""

    op: str
    results: list[Result]
    done: bool


@dataclass(frozen=True)
class _Settings:
    """What is the same for every op; ``samples`` is None for all."""

    #: By their ids, those of packs too: a worker that misses one loads the packs.
    laws: tuple[str, ...]
    samples: tuple[int, ...] | None
    seed: int
    device: str
    limit: float
    #: The packs that this process may load, and so a worker.
    packs: PackSelection | None
    strict: bool = False


class _Address(NamedTuple):
    """Where another process finds an op."""

    name: str
    module: str
    qualified_name: str
    pack: str

    def entry(self) -> RegisteredOp:
        """The op. Raises, whatever it may be, where it can't be found."""
        parts = self.qualified_name.split(".")
        function = reduce(getattr, parts, importlib.import_module(self.module))
        return registry.add(function, self.pack)  # type: ignore[arg-type]


#: A registered op, or what is ready to be checked.
Checkable: TypeAlias = "RegisteredOp | OpUnderTest"


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
    """Check ops, and give their results as they come: of each op in order, ops mixed.

    An op that another process cannot import is checked in this one. A process that dies,
    or that a call in C holds for far longer than the time limit, is a failed result of the
    op it was busy with.

    Args:
        ops: entries of the default registry, or ops under test, whose seed and device are theirs.
        laws: ids of laws; all unless told otherwise.
        samples: numbers of samples; all unless told otherwise. One that an op lacks is
            left out.
        seed: of the samples and the cotangents.
        device: where the samples' tensors live.
        time_limit: seconds for each law on each sample; 0 for none.
        jobs: how many processes; 1 for this one alone.
        stop: asked a few times a second; once it says True no more is checked.
        strict: whether a warning is a failure.

    Raises:
        UnknownLawError: no law has an id.
    """
    settings = _Settings(
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
            pool = _Pool(settings, jobs, stop)
            yield from pool.batches([op for op in ops if not isinstance(op, OpUnderTest)])
            here = [*pool.left, *(op for op in ops if isinstance(op, OpUnderTest))]
        for entry in here:
            if stop():
                return
            yield from _batches(entry, settings, stop)


def _results(entry: Checkable, settings: _Settings) -> Iterator[Result]:
    op = under_test(entry, {}, settings.seed, settings.device)
    runner = Runner(op, settings.limit)
    samples = settings.samples
    if samples is not None:
        samples = tuple(k for k in samples if k < len(runner.samples))
    nothing = True
    for result in runner.results(choose_laws(settings.laws), samples):
        nothing = False
        yield replace(result, status="failed") if _is_failure(result, settings) else result
    if nothing and settings.samples is None:
        yield _failed(
            entry.name,
            settings,
            None,
            "samples",
            "registration",
            "nothing was checked: the op has no samples",
        )


def _is_failure(result: Result, settings: _Settings) -> bool:
    return settings.strict and result.status == "warning"


def _batches(
    entry: Checkable, settings: _Settings, stop: Callable[[], bool] = lambda: False
) -> Iterator[Batch]:
    collected: list[Result] = []
    sent = time.monotonic()
    for result in _results(entry, settings):
        collected.append(result)
        if time.monotonic() - sent > TICK:
            yield Batch(entry.name, collected, False)
            if stop():
                return
            collected, sent = [], time.monotonic()
    yield Batch(entry.name, collected, True)


def _failed(
    op: str, settings: _Settings, sample: int | None, law: str, family: str, message: str
) -> Result:
    return Result(
        op,
        sample,
        law,
        family,
        "failed",
        message,
        settings.seed,
        device=settings.device,
        command=f"plugrad check {op}",
    )


# --- a worker ------------------------------------------------------------------------


def _work(connection: Connection, steps: c_longlong, settings: _Settings) -> None:
    """Check each op that arrives; None as an answer says that it can't be found here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    torch.set_num_threads(1)
    packs.selection = settings.packs
    while True:
        try:
            address: _Address | None = connection.recv()
        except EOFError:  # the parent is gone
            return
        if address is None:
            return
        try:
            entry = address.entry()
            choose_laws(settings.laws)
        except Exception:
            connection.send(None)
            continue
        _send_results(connection, steps, entry, settings)


def _send_results(
    connection: Connection, steps: c_longlong, entry: RegisteredOp, settings: _Settings
) -> None:
    collected: list[Result] = []
    sent = time.monotonic()
    for result in _results(entry, settings):
        collected.append(result)
        steps.value += 1
        if time.monotonic() - sent > TICK:
            connection.send(Batch(entry.name, collected, False))
            collected, sent = [], time.monotonic()
    connection.send(Batch(entry.name, collected, True))


# --- the workers, from outside -------------------------------------------------------


class _Worker:
    """A process, and the op that it is busy with."""

    def __init__(self, settings: _Settings) -> None:
        # Not fork: torch's threads do not survive it.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        # Without a lock, which a process that dies could take with it.
        self.steps: c_longlong = context.RawValue("q", 0)
        self.process = context.Process(
            target=_work, args=(theirs, self.steps, settings), daemon=True
        )
        self.process.start()
        theirs.close()
        self.entry: RegisteredOp | None = None
        self._seen, self._since = 0, 0.0

    def give(self, entry: RegisteredOp) -> None:
        self.entry = entry
        self.steps.value = 0
        self._seen, self._since = 0, time.monotonic()
        function = entry.function
        address = _Address(entry.name, entry.module, function.__qualname__, entry.pack)
        try:
            self.connection.send(address)
        except OSError:  # it is dead, which reading from it will tell
            return

    def stalled_for(self) -> float:
        """Seconds since the last result."""
        if self.steps.value != self._seen:
            self._seen, self._since = self.steps.value, time.monotonic()
        return time.monotonic() - self._since

    def end(self, patience: float = 0.0) -> str:
        """End the process, at the latest after ``patience`` seconds; return what ended it."""
        self.process.join(patience)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()
        code = self.process.exitcode or 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


class _Pool:
    """Workers, one op each at a time.

    ``concurrent.futures`` would lose all ops with one dead process, and not say which op
    killed it.
    """

    def __init__(self, settings: _Settings, jobs: int, stop: Callable[[], bool]) -> None:
        self.settings, self.jobs, self.stop = settings, jobs, stop
        self.left: list[RegisteredOp] = []
        self._workers: list[_Worker] = []

    def batches(self, ops: Sequence[RegisteredOp]) -> Iterator[Batch]:
        """The results; afterwards ``left`` has the ops that no worker could find."""
        waiting = deque(entry for entry in ops if _has_address(entry))
        self.left = [entry for entry in ops if not _has_address(entry)]
        try:
            while not self.stop():
                self._hand_out(waiting)
                busy = [w for w in self._workers if w.entry is not None]
                if not busy:
                    return
                ready = wait([w.connection for w in busy], TICK)
                for worker in busy:
                    if worker.connection in ready:
                        yield from self._received(worker)
                    elif self._is_stuck(worker):
                        yield self._lost(worker, "held for far longer than its time limit", 0.0)
        finally:
            self._end()

    def _hand_out(self, waiting: deque[RegisteredOp]) -> None:
        idle = [w for w in self._workers if w.entry is None]
        while waiting and (idle or len(self._workers) < self.jobs):
            if not idle:
                idle.append(_Worker(self.settings))
                self._workers.append(idle[0])
            idle.pop().give(waiting.popleft())

    def _received(self, worker: _Worker) -> Iterator[Batch]:
        assert worker.entry is not None
        try:
            batch: Batch | None = worker.connection.recv()
        except (EOFError, OSError):
            yield self._lost(worker, "the process that ran it died", 5.0)
            return
        if batch is None:
            self.left.append(worker.entry)
            worker.entry = None
            return
        if batch.done:
            worker.entry = None
        yield batch

    def _is_stuck(self, worker: _Worker) -> bool:
        # Making the samples has a time limit too, and so has the law; then some to start.
        limit = self.settings.limit
        return limit > 0 and worker.stalled_for() > 2 * limit + 30

    def _lost(self, worker: _Worker, what: str, patience: float) -> Batch:
        """The failure of the op whose process died or hangs; the process is ended."""
        assert worker.entry is not None
        self._workers.remove(worker)
        law, sample = self._step(worker.steps.value, worker.entry.pack)
        message = f"{what} ({worker.end(patience)}); the laws that remained were not checked"
        failed = _failed(worker.entry.name, self.settings, sample, law.id, law.family, message)
        return Batch(worker.entry.name, [failed], True)

    def _step(self, number: int, pack: str) -> tuple[Law, int | None]:
        """What ``Runner.results`` does after ``number`` results, of an op of this pack."""
        laws = for_op(choose_laws(self.settings.laws), pack)
        whole = [law for law in laws if law.whole_op]
        each = for_samples(laws)
        if number < len(whole) or not each:
            return whole[min(number, len(whole) - 1)], None
        index, law = divmod(number - len(whole), len(each))
        samples = self.settings.samples
        if samples is not None:
            index = samples[min(index, len(samples) - 1)]
        return each[law], index

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.end()


def _has_address(entry: RegisteredOp) -> bool:
    return "<locals>" not in entry.function.__qualname__ and entry.module != "__main__"


def strength_of_many(
    ops: Sequence[RegisteredOp],
    *,
    faults: Sequence[str] | None = None,
    seed: int = 0,
    jobs: int = 1,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[StrengthReport]:
    """The report of each op as it comes.

    An op that another process cannot find by its name is looked at in this one.

    Args:
        ops: entries of the default registry.
        faults: ids, as in ``op_strength``.
        seed: of the samples and the cotangents.
        jobs: how many processes; 1 for this one alone.
        stop: asked after every op; once it says True no more is looked at.

    Raises:
        UnknownFaultError: there is no fault of an id.
    """
    chosen = choose_faults(faults)
    here = list(ops)
    if jobs > 1:
        here = []
        for name, report in _elsewhere([entry.name for entry in ops], chosen, seed, jobs, stop):
            if report is None:
                here += [entry for entry in ops if entry.name == name]
            else:
                yield report
    with one_thread():
        for entry in here:
            if stop():
                return
            yield op_strength(entry, seed=seed, faults=chosen)


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
            except BrokenProcessPool:  # one op killed its process, and all that waited are lost
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
