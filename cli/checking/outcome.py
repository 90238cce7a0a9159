"""Outcome: a whole run of ``plugrad check``."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plugrad.testing.result import Report

if TYPE_CHECKING:
    from plugrad.testing.law import Law
    from plugrad.testing.pool import Batch
    from plugrad.testing.result import Result


@dataclass
class Outcome:
    """What was checked, and the results so far.

    Args:
        ops: the names of the ops that were to be checked, sorted.
        laws: those that were to be applied.
        seed: the samples' seed.
        device: the device they were on.
        problems: of targets that cannot be checked at all, in words.
        seconds: how long it took.
        interrupted: whether it was ended early.
    """

    ops: list[str]
    laws: tuple[Law, ...]
    seed: int = 0
    device: str = "cpu"
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    _by_op: dict[str, list[Result]] = field(default_factory=lambda: defaultdict(list))
    _done: set[str] = field(default_factory=set)

    def add(self, batch: Batch) -> None:
        """Add some results."""
        self._by_op[batch.op] += batch.results
        if batch.done:
            self._done.add(batch.op)

    @property
    def done(self) -> int:
        """How many ops are finished."""
        return len(self._done)

    def is_done(self, op: str) -> bool:
        """Whether an op is finished."""
        return op in self._done

    def of(self, op: str) -> Report:
        """The results of one op."""
        return Report(self._by_op.get(op, ()))

    @property
    def passed(self) -> bool:
        """Whether all that was to be checked was, and is right."""
        return self.report.passed and not self.interrupted and not self.problems

    @property
    def report(self) -> Report:
        """All results, by the name of the op."""
        return Report(result for op in self.ops for result in self._by_op.get(op, ()))
