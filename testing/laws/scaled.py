"""Scaled: the sample's numbers multiplied, for the laws that try them, as the rows of one call."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from plugrad.testing.agree import FLOOR, SMALLEST
from plugrad.testing.laws.inputs import cast, castable
from plugrad.testing.laws.like_torch import beside_oracle, rows_alike
from plugrad.testing.laws.own_slope import looks_right
from plugrad.testing.rows import Mapped, as_rows, kinds_of_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from plugrad.testing.call import Call, OracleCall
    from plugrad.testing.case import Case
    from plugrad.testing.rows import Rows


#: The samples' largest numbers are scaled to these. Beyond them, squares leave float32.
MAGNITUDES = (1e-12, 1e-6, 10.0, 30.0, 100.0, 300.0, 1000.0, 1e6)
#: Where digits are lost that 1e-12 has lost altogether.
_DIGITS = 1e-6
#: The same of one input alone.
_ALONE = (1e-6, 100.0, 1e6)
#: Seconds that the calls of a magnitude may take, by how long those of the one before took.
PATIENCE = 0.7
#: What numbers are multiplied with that are to be others, but as large.
_BESIDE = 1 - 2.0**-10
#: Up to here several are tried in one call; what a larger one takes is told by the one before.
AT_ONCE = 1000.0
#: Up to here the calls are counted that a number may say the number of.
_COUNTED = 100.0
#: What ``stretched`` multiplies all numbers with.
_FACTORS = (10.0, 1000.0, 1e-3, -1.0)


class Scaled:
    """What the laws ``stretched`` and ``magnitudes`` try, and what one call of all tells of it.

    Args:
        case: the sample.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        #: The factors, and the sample times each, as far as that is in its domain.
        self.stretched = list(_stretched(case))
        #: The sample at each magnitude; none if it is not in float64.
        self.resized = [Tried(*each) for each in _resized(case)] if case.is_in_float64 else []

    @cached_property
    def is_quick(self) -> bool:
        """Whether no number says how often a loop runs, as far as those up to AT_ONCE tell."""
        # The time of forward says nothing of a backward: that of an op of another's may be a loop.
        if Mapped not in kinds_of_rows(self._case):
            return False
        return _is_quick(self._case, self.resized)

    @cached_property
    def counts(self) -> bool:
        """Whether a number says how often a loop runs, as calls of torch tell: time may deceive."""
        tried = [one for one in self.resized if one.of_all and one.magnitude <= _COUNTED]
        if not tried:
            return False
        more = tried[-1].calls(self._case) - tried[0].calls(self._case)
        return more > tried[-1].magnitude / 2

    @cached_property
    def in_rows(self) -> list[Tried]:
        """Those of ``resized`` that are among the rows."""
        return [one for one in self.resized if self.is_quick or one.magnitude <= AT_ONCE]

    @cached_property
    def rows(self) -> Rows | None:
        """``stretched`` and ``in_rows`` as the rows of one call, if that is possible."""
        several = [values for _, values in self.stretched]
        return as_rows(self._case, several + [one.values for one in self.in_rows], salt=0)

    @cached_property
    def alike(self) -> list[bool]:
        """Which of the rows are what torch's are."""
        assert self.rows is not None
        floors = [FLOOR for _ in self.stretched] + [one.floor for one in self.in_rows]
        return rows_alike(self._case, self.rows, floors)


def scaled(case: Case) -> Scaled:
    """The one that the laws share."""
    if case.shared.scaled is None:
        case.shared.scaled = Scaled(case)
    return case.shared.scaled


def _stretched(case: Case) -> Iterator[tuple[float, list[Tensor]]]:
    for factor in _FACTORS:
        values = case.values
        for i in case.wanted:
            values[i] = values[i] * factor
        if case.allows(values):
            yield factor, values


class Tried:
    """The sample at one magnitude, its calls, and what is known of it.

    ``alike`` says that it is as the reference has it, ``fits`` that nothing overflows in float32,
    ``is_settled`` that there is nothing more to find out.
    """

    def __init__(self, values: list[Tensor], what: str, magnitude: float, of_all: bool) -> None:
        self.values, self.what, self.magnitude, self.of_all = values, what, magnitude, of_all
        self.alike = self.fits = self.is_settled = False
        self.beside: tuple[Call, OracleCall] | None = None
        self.narrow: Call | None = None
        #: The outputs and the gradients of ``narrow``, once they are known.
        self.results: list[Any] | None = None

    @property
    def floor(self) -> float:
        """The error that counts as rounding, as for ``agree``: tiny results are compared too."""
        return SMALLEST if self.magnitude <= _DIGITS else FLOOR

    def has_wrong_slope(self, case: Case) -> bool:
        """Whether the gradients in float32, which are known, may not be the slope in float64."""
        if not self.fits or self.results is None:  # it overflows, which is judged by itself
            return False
        return not looks_right(case, self.values, self.results[-len(case.wanted) :])

    def call(self, case: Case) -> None:
        """Make the calls that are to be judged; each stays None if it raises."""
        if not self.alike and case.op.reference is not None:
            pair = beside_oracle(case, self.values)  # a series may not converge there
            self.beside = None if pair is None or pair[1].own_forward else pair
        if not self.fits:
            with suppress(Exception):
                self.narrow = case.call(narrowed(self.values))

    def calls(self, case: Case) -> int:
        """How many functions of torch's the op and its gradients call."""
        calls = _Calls()
        with calls, suppress(Exception):
            call = case.call([t.clone() for t in self.values])
            call.vjp(call.cotangents())
        return calls.count

    def timed(self, case: Case) -> float:
        """The seconds that ``call`` takes of this thread: others may use the machine too."""
        start = time.thread_time()
        self.call(case)
        return time.thread_time() - start

    def timed_beside(self, case: Case, again: int = 1) -> float:
        """The same for other numbers: a reference may remember those that it has had."""
        values = [t * _BESIDE**again if castable(t) else t for t in self.values]
        return Tried(values, self.what, self.magnitude, self.of_all).timed(case)


class _Calls(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what is called of torch in its block."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count: int = 0

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def _is_quick(case: Case, every: Sequence[Tried]) -> bool:
    """Whether no number says how often a loop runs, as far as those up to AT_ONCE tell."""
    largest = max(every, key=lambda one: (one.magnitude <= AT_ONCE, one.magnitude), default=None)
    if largest is None or largest.magnitude > AT_ONCE:
        return False
    most = PATIENCE * largest.magnitude / MAGNITUDES[-1]
    # The first time there may have been a pause of Python's own.
    return largest.timed_beside(case) <= most or (
        largest.timed_beside(case) <= most + every[0].timed_beside(case)
    )


def _resized(case: Case) -> Iterator[tuple[list[Tensor], str, float, bool]]:
    """The sample with its largest numbers made each of MAGNITUDES: of all inputs, and of each.

    With the values, what they are in words, the magnitude, and whether all inputs have it.
    """
    wanted = case.wanted
    sizes = [_largest(given.tensor) for given in case.inputs]
    for chosen in [wanted, *([i] for i in wanted if len(wanted) > 1)]:
        names = ", ".join(case.inputs[i].name for i in chosen)
        for magnitude in MAGNITUDES if chosen is wanted else _ALONE:
            # What overflows there overflows at 1e-12, too; a reference also shows lost digits.
            if magnitude == _DIGITS and case.op.reference is None and chosen is wanted:
                continue
            values = case.values
            for i in chosen:
                if sizes[i]:
                    # In float32, so that both are of the same numbers.
                    values[i] = (values[i] * (magnitude / sizes[i])).float().double()
            if case.allows(values):
                what = f"numbers of {names} up to {magnitude:g}"
                yield values, what, magnitude, chosen is wanted


def _largest(tensor: Tensor) -> float:
    return float(tensor.abs().nan_to_num().max()) if castable(tensor) and tensor.numel() else 0.0


def narrowed(values: Sequence[Tensor]) -> list[Tensor]:
    """The same numbers in float32."""
    return [cast(t, torch.float32) if castable(t) else t.clone() for t in values]
