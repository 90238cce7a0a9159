"""Pool: the laws on many ops, in processes that may die or hang."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import torch

from plugrad.plugins.default import packs, registry
from plugrad.testing.check import choose_laws, under_test
from plugrad.testing.garbage import collected_rarely
from plugrad.testing.result import Result
from plugrad.testing.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from ctypes import c_longlong
    from multiprocessing.connection import Connection

    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.plugins.selection import PackSelection
    from plugrad.testing.law import Law
    from plugrad.testing.op_under_test import OpUnderTest


#: Seconds between two looks at whether to stop, and between two batches of a worker.
TICK = 0.1


class Batch(NamedTuple):
    """Some results of the op ``op``; ``done`` if they are the last ones.

    ``worn_out`` says that the process that made them can check nothing more.
    """

    op: str
    results: list[Result]
    done: bool
    worn_out: bool = False


@dataclass(frozen=True)
class Settings:
    """What is the same for every op; ``samples`` is None for all."""

    #: By their ids, including those of packs: a worker that misses one loads the packs.
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


# --- one op ---------------------------------------------------------------------------


def results_of(
    entry: Checkable,
    settings: Settings,
    watch: Callable[[Law, int | None], None] | None = None,
) -> Iterator[Result]:
    """What the laws say of one op; ``watch`` as for Runner."""
    op = under_test(entry, {}, settings.seed, settings.device)
    runner = Runner(op, settings.limit, watch)
    samples = settings.samples
    if samples is not None:
        samples = tuple(k for k in samples if k < len(runner.samples))
    nothing = True
    for result in runner.results(choose_laws(settings.laws), samples):
        nothing = False
        yield result._replace(status="failed") if _is_failure(result, settings) else result
        if result.status == "failed" and _has_lost_device(settings):
            yield failure_of(
                entry.name,
                settings,
                result.sample,
                result.law,
                result.family,
                "a kernel failed on the device, which this process can use no more; the laws that "
                "remained were not checked",
            )
            return
    if nothing and settings.samples is None:
        yield failure_of(
            entry.name,
            settings,
            None,
            "samples",
            "registration",
            "nothing was checked: the op has no samples",
        )


def _is_failure(result: Result, settings: Settings) -> bool:
    return settings.strict and result.status == "warning"


def _has_lost_device(settings: Settings) -> bool:
    """Whether a kernel's failed assertion, or its access of foreign memory, ended its use."""
    if not settings.device.startswith("cuda"):
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


def failure_of(
    op: str, settings: Settings, sample: int | None, law: str, family: str, message: str
) -> Result:
    """A failed result of an op."""
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


def _work(connection: Connection, steps: c_longlong, settings: Settings) -> None:
    """Check each op that arrives; None as an answer says that it can't be found here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    torch.set_num_threads(1)
    packs.selection = settings.packs
    with collected_rarely():
        while _check_next(connection, steps, settings):
            pass


def _check_next(connection: Connection, steps: c_longlong, settings: Settings) -> bool:
    """Check the op that arrives next; returns whether there may be another one."""
    try:
        address: _Address | None = connection.recv()
    except EOFError:  # the parent is gone
        return False
    if address is None:
        return False
    try:
        entry = address.entry()
        choose_laws(settings.laws)
    except Exception:
        connection.send(None)
        return True
    return _send_results(connection, steps, entry, settings)


def _send_results(
    connection: Connection, steps: c_longlong, entry: RegisteredOp, settings: Settings
) -> bool:
    """Check an op; returns whether this process can check more."""
    collected: list[Result] = []
    sent = time.monotonic()
    numbers = {law.id: number for number, law in enumerate(choose_laws(settings.laws))}

    def watch(law: Law, sample: int | None) -> None:
        steps.value = _coded(numbers[law.id], sample)

    for result in results_of(entry, settings, watch):
        collected.append(result)
        if time.monotonic() - sent > TICK:
            connection.send(Batch(entry.name, collected, False))
            collected, sent = [], time.monotonic()
    worn_out = _has_lost_device(settings)
    connection.send(Batch(entry.name, collected, True, worn_out))
    return not worn_out


#: More than there are laws.
_LAWS = 1 << 16


def _coded(law: int, sample: int | None) -> int:
    """One number, which another process can read at any time, for a law and a sample."""
    return 1 + law + _LAWS * (0 if sample is None else sample + 1)


# --- the workers, from outside -------------------------------------------------------


class _Worker:
    """A process, and the op that it is busy with."""

    def __init__(self, settings: Settings) -> None:
        # Not fork: torch's threads do not survive it.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        # Without a lock, which a process that dies could take with it.
        self.steps: c_longlong = context.RawValue("q", 0)
        self.process = context.Process(
            target=_work, args=(theirs, self.steps, settings), daemon=True
        )
        with _without_warnings_of_cpp():
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
        except OSError:  # it is dead; reading from it will show that
            return

    def stalled_for(self) -> float:
        """Seconds since the last law began."""
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


@contextmanager
def _without_warnings_of_cpp() -> Iterator[None]:
    """Let a process that starts here print none of torch's C++ warnings.

    torch makes them Python's, which a check ignores, but not those of an operator that is called by
    its name. It reads the environment while it is imported, which is before ``_work`` runs.
    """
    name = "TORCH_CPP_LOG_LEVEL"
    if name in os.environ:
        yield
        return
    os.environ[name] = "ERROR"
    try:
        yield
    finally:
        del os.environ[name]


class Pool:
    """Workers, one op each at a time.

    ``concurrent.futures`` would lose all ops with one dead process, and not say which op
    killed it.
    """

    def __init__(self, settings: Settings, jobs: int, stop: Callable[[], bool]) -> None:
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
        if batch.worn_out:
            self._workers.remove(worker)
            worker.end(5.0)
        yield batch

    def _is_stuck(self, worker: _Worker) -> bool:
        # Making the samples has a time limit too, and so has the law; then some to start.
        limit = self.settings.limit
        return limit > 0 and worker.stalled_for() > 2 * limit + 30

    def _lost(self, worker: _Worker, what: str, patience: float) -> Batch:
        """The failure of the op whose process died or hangs; the process is ended."""
        assert worker.entry is not None
        self._workers.remove(worker)
        law, sample = self._step(worker.steps.value)
        message = f"{what} ({worker.end(patience)}); the laws that remained were not checked"
        failed = failure_of(worker.entry.name, self.settings, sample, law.id, law.family, message)
        return Batch(worker.entry.name, [failed], True)

    def _step(self, number: int) -> tuple[Law, int | None]:
        """The law and the sample that the worker was at; the first law if it was at none."""
        sample, law = divmod(max(number - 1, 0), _LAWS)
        return choose_laws(self.settings.laws)[law], sample - 1 if sample else None

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.end()


def _has_address(entry: RegisteredOp) -> bool:
    return "<locals>" not in entry.function.__qualname__ and entry.module != "__main__"
