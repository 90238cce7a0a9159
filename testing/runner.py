"""Runner: applies the laws to an op, one result at a time; nothing stops it."""

from __future__ import annotations

import ctypes
import math
import signal
import threading
import time
import traceback
import warnings
from collections import defaultdict
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.random_state import RandomState
from plugrad.core.sample import Sample
from plugrad.errors import PlugradError
from plugrad.testing.case import Case
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.law import USED_UP, NotApplicable, Violation, for_op, for_samples
from plugrad.testing.laws import LAWS
from plugrad.testing.quiet import quiet
from plugrad.testing.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from plugrad.testing.agree import Mismatch
    from plugrad.testing.law import Law
    from plugrad.testing.op_under_test import OpUnderTest
    from plugrad.testing.result import Status


@contextmanager
def one_thread() -> Iterator[None]:
    """Samples are small: in the block, more threads would only wait for each other."""
    before = torch.get_num_threads()
    if before != 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


class TimeLimitExceeded(BaseException):
    """A law took longer than its time limit."""


def time_limit(seconds: float) -> AbstractContextManager[None]:
    """Raise TimeLimitExceeded in the block once it has run for ``seconds``.

    In the main thread of a POSIX system a signal ends sleeping and waiting too; elsewhere
    the exception is raised at the next Python instruction. Neither can end a call in C that
    does not return. Timers of the host (such as a test runner's) are restored.
    """
    if seconds <= 0:
        return nullcontext()
    if not _by_signal():
        return _exception_from_outside(seconds)
    return _Limit(seconds) if _clock.is_ready else _alarm(seconds)


@contextmanager
def alarms() -> Iterator[None]:
    """Make the time limits in the block cheap: what they share is prepared once."""
    if not _by_signal() or _clock.is_ready:
        yield
        return
    handler = signal.signal(signal.SIGALRM, _clock.ring)
    timer = signal.setitimer(signal.ITIMER_REAL, 0.0)
    _clock.start()
    try:
        yield
    finally:
        _clock.is_ready = False
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def _by_signal() -> bool:
    main = threading.current_thread() is threading.main_thread()
    return main and hasattr(signal, "setitimer")


class _Clock:
    """The timer of the process, for the limits of the main thread, of which few are ever reached.

    It is left alone where it rings before the limit, and set again once it has: two calls of the
    system for each law on each sample would take longer than many a law.
    """

    def __init__(self) -> None:
        #: Whether there are ``alarms`` around us.
        self.is_ready = False
        #: When the innermost limit is over.
        self.limit = math.inf
        #: When the timer rings.
        self._due = math.inf

    def start(self) -> None:
        """Begin with a timer that is not set."""
        self.is_ready, self.limit, self._due = True, math.inf, math.inf

    def set(self, limit: float) -> None:
        """Have the timer ring at ``limit`` or before."""
        self.limit = limit
        now = time.monotonic()
        if limit < math.inf and not now < self._due <= limit:
            self._due = limit
            signal.setitimer(signal.ITIMER_REAL, max(limit - now, 1e-6))

    def ring(self, *_: Any) -> None:
        """Raise TimeLimitExceeded if the limit is over."""
        self._due = math.inf
        if time.monotonic() >= self.limit:
            raise TimeLimitExceeded
        self.set(self.limit)


_clock = _Clock()


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    with alarms(), _Limit(seconds):
        yield


class _Limit:
    """The same inside of ``alarms``; a class, since there is one for each law on each sample."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._outer = _clock.limit
        _clock.set(time.monotonic() + self._seconds)

    def __exit__(self, *_: object) -> None:
        _clock.set(self._outer)


@contextmanager
def _exception_from_outside(seconds: float) -> Iterator[None]:
    thread = ctypes.c_ulong(threading.get_ident())
    lock, done = threading.Lock(), False

    def stop() -> None:
        with lock:
            if not done:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    thread, ctypes.py_object(TimeLimitExceeded)
                )

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            done = True
        timer.cancel()


#: Seconds that a law may take on one sample.
TIME_LIMIT = 20.0
#: How many samples a law judges in turn, before their results are reported.
_TOGETHER = 4
#: The laws that say so of a rule that one backward uses up.
_OF_ONE_BACKWARD = frozenset({"runs", "retain-graph"})
#: How much longer a slow law may take.
_SLOW = 9


class Runner:
    """Applies laws to one op.

    Whatever the op does, a law gives a Result: an exception is a failure, and so is taking
    longer than ``limit`` seconds. What a law left changed (grad mode, default dtype, random
    state, warnings) is restored.

    Args:
        op: the op.
        limit: seconds for each law on each sample; 0 for none.
        watch: called with the law and the sample that it is about to judge (None for the op).
    """

    def __init__(
        self,
        op: OpUnderTest,
        limit: float = TIME_LIMIT,
        watch: Callable[[Law, int | None], None] | None = None,
    ) -> None:
        self.op, self.limit, self._watch = op, limit, watch
        #: What making the samples raises, once it is known.
        self._samples_raise = ""
        self._broken: dict[int, str] = {}
        #: A sample without the fault that a gate found in it.
        self._mended: dict[int, Case] = {}
        #: The laws that each sample, or the op (None), has broken so far.
        self._laws_broken: dict[int | None, set[str]] = defaultdict(set)

    @cached_property
    def samples(self) -> list[Sample]:
        """The samples that must not raise; those before an error, which ``samples`` reports."""
        made: list[Sample] = []
        with _restored(), suppress(TimeLimitExceeded), time_limit(self.limit):
            try:
                for sample in self.op.all_samples():
                    made += [sample] if isinstance(sample, Sample) and not sample.error else []
            except Exception as error:
                self._samples_raise = repr(error)
        return made

    def _comes_from_samples(self, error: Exception) -> bool:
        """Whether it is what making the samples raises."""
        _ = self.samples  # which says what that is
        return self._samples_raise == repr(error)

    def results(
        self, laws: Sequence[Law] = tuple(LAWS), samples: Sequence[int] | None = None
    ) -> Iterator[Result]:
        """Each law on each sample, and the laws of whole ops once.

        Args:
            laws: which; by default all. A law of another pack is left out.
            samples: numbers of samples; by default all.
        """
        given, laws = laws, for_op(laws, self.op.pack, self.op.engine.name)
        if given and not laws:  # asked for by name; otherwise it would look as if all was well
            yield self._of_another_pack(given[0])
        for law in laws:
            if law.whole_op:
                yield self.result(law)
        each = for_samples(laws)
        indices = list(range(len(self.samples)) if samples is None else samples)
        for first in range(0, len(indices), _TOGETHER):
            cases = [self.case(index) for index in indices[first : first + _TOGETHER]]
            yield from self._of_samples(cases, each)

    def _of_another_pack(self, law: Law) -> Result:
        message = f"the law is about the ops of the pack {law.pack}"
        if self.op.engine.name not in law.engines:
            message = f"the law is about what runs on {' or '.join(law.engines)}"
        seed, device = self.op.seed, self.op.device
        return Result(
            self.op.name, None, law.id, law.family, "not applicable", message, seed, device=device
        )

    def _of_samples(self, cases: Sequence[Case], laws: Sequence[Law]) -> list[Result]:
        # All at once, since to guard each law by itself would take a tenth of the time; and law
        # by law, whose code is at hand then: that is another tenth.
        with _restored(), alarms():
            by_law = [[self._result(law, case) for case in cases] for law in laws]
        return [result for of_case in zip(*by_law, strict=True) for result in of_case]

    def case(self, index: int) -> Case:
        """Sample ``index``, ready to be called."""
        return Case(self.op, self.samples[index], index)

    def result(self, law: Law, case: Case | None = None) -> Result:
        """What one law says about a sample or the whole op."""
        with _restored():
            return self._result(law, case)

    def _result(self, law: Law, case: Case | None) -> Result:
        if self._watch is not None:
            self._watch(law, case.index if case else None)
        start = time.perf_counter()
        reason = self._waiver(law, case)
        status, message, mismatch = self._outcome(law, case, reason)
        if reason is not None and status in ("failed", "warning"):
            status, message = "waived", reason
        return Result(
            self.op.name,
            case.index if case else None,
            law.id,
            law.family,
            status,
            message,
            self.op.seed,
            time.perf_counter() - start,
            repr(case.sample) if case and status in ("failed", "warning") else "",
            mismatch,
            self.op.device,
            self._command,
        )

    @cached_property
    def _command(self) -> str:
        return self.op.command

    def _outcome(
        self, law: Law, case: Case | None, waiver: str | None
    ) -> tuple[Status, str, Mismatch | None]:
        if case is not None and case.index in self._broken:
            return "not applicable", self._broken[case.index], None
        if waiver is not None and not self.op.on_cpu:
            # Whether it is needed, the CPU says: here a number that a kernel refuses would end
            # the use of the device.
            return "waived", waiver, None
        limit = self.limit * (_SLOW if law.slow else 1)
        try:
            with time_limit(limit):
                law.check(self.op if case is None else self._mended.get(case.index, case))
        except NotApplicable as reason:
            return "not applicable", str(reason), None
        except Violation as violation:
            return self._broken_law(law, case, violation)
        except TimeLimitExceeded:
            took = Violation(f"took longer than its time limit of {limit:g} s", stops=True)
            return self._broken_law(law, case, took)
        except Exception as error:
            if law.id != "samples" and self._comes_from_samples(error):
                return "not applicable", "see the law samples, which says what they raise", None
            if law.id not in _OF_ONE_BACKWARD and USED_UP in str(error):
                return "not applicable", "see the law retain-graph: one backward uses it up", None
            return self._broken_law(law, case, Violation(_told(error)))
        else:
            return "passed", "", None
        finally:
            torch.set_grad_enabled(True)

    def _broken_law(
        self, law: Law, case: Case | None, violation: Violation
    ) -> tuple[Status, str, Mismatch | None]:
        index = None if case is None else case.index
        explained = self._laws_broken[index].intersection(law.explained_by)
        if self._waiver(law, case) is None:
            self._laws_broken[index].add(law.id)
        tolerated = violation.tolerated and self.op.engine is not PLUGRAD
        warning = tolerated or violation.unsure or self.op.is_warning(law.id)
        if index is not None and violation.mended is not None:
            self._mended[index] = violation.mended
        elif violation.stops or (law.gate and not warning and self._waiver(law, case) is None):
            self._break(case, law)
        if explained:
            return "not applicable", f"see the law {min(explained)}, which explains it", None
        return "warning" if warning else "failed", violation.message, violation.mismatch

    def _break(self, case: Case | None, law: Law) -> None:
        """The other laws would only say the same again."""
        if case is not None:
            self._broken[case.index] = f"see the law {law.id}, which this sample breaks"

    def _waiver(self, law: Law, case: Case | None) -> str | None:
        return self.op.declaration.waives.get(law.id) if case is None else case.waiver(law.id)


@contextmanager
def _restored() -> Iterator[None]:
    """Restore what an op could have left changed."""
    grad, dtype, state = torch.is_grad_enabled(), torch.get_default_dtype(), RandomState()
    with warnings.catch_warnings(), one_thread(), quiet():
        # Some samples are calls that torch itself warns about; no law is about warnings.
        warnings.simplefilter("ignore")
        try:
            torch.set_grad_enabled(True)
            yield
        finally:
            torch.set_grad_enabled(grad)
            if torch.get_default_dtype() is not dtype:
                torch.set_default_dtype(dtype)
            with suppress(RuntimeError):  # of a device that a kernel's error has ended the use of
                state.restore()


def _told(error: Exception) -> str:
    """An exception in words, with the place in the op's own code where it came from."""
    text = str(error) if isinstance(error, PlugradError) else f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "/plugrad/core/" not in f.filename and _not_ours(f.filename)]
    return f"{text} ({own[-1].filename}:{own[-1].lineno})" if own else text


def _not_ours(filename: str) -> bool:
    return not any(filename.startswith(folder) for folder in _MACHINERY)


def _folder(module: Any) -> str:
    return str(module.__file__).rpartition("/")[0] + "/"


_MACHINERY = (_folder(torch), __file__.rpartition("/")[0] + "/")
