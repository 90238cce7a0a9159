"""OpChecks: what is checked of one op, one law of one sample at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.testing.law import for_pack, for_samples
from plugrad.testing.runner import TIME_LIMIT, Runner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.testing.case import Case
    from plugrad.testing.law import Law
    from plugrad.testing.op_under_test import OpUnderTest
    from plugrad.testing.result import Result


class OpChecks:
    """The checks of one op, for test runners, which want each by itself.

    Iteration gives ``(sample, law)`` in the order in which they should be run, with None
    for the sample where a law judges the whole op. The op's samples are made when they are
    needed, kept from one check to the next, and forgotten by ``release``.

    Args:
        op: the op.
        laws: which laws, in their order; one of another pack's is left out.
        limit: seconds for each law on each sample; 0 for none.
    """

    def __init__(self, op: OpUnderTest, laws: Sequence[Law], limit: float = TIME_LIMIT) -> None:
        self.op, self.laws, self.limit = op, for_pack(laws, op.pack), limit
        self._runner: Runner | None = None
        self._case: Case | None = None

    def __iter__(self) -> Iterator[tuple[int | None, Law]]:
        for law in self.laws:
            if law.whole_op:
                yield None, law
        each = for_samples(self.laws)
        for sample in range(len(self._running().samples) if each else 0):
            for law in each:
                yield sample, law

    def result(self, sample: int | None, law: Law) -> Result:
        """What the law says of the sample with this number, or of the whole op."""
        runner = self._running()
        if sample is None:
            return runner.result(law)
        if self._case is None or self._case.index != sample:
            self._case = runner.case(sample)
        return runner.result(law, self._case)

    def release(self) -> None:
        """Forget the samples."""
        self._runner = self._case = None

    def _running(self) -> Runner:
        if self._runner is None:
            self._runner = Runner(self.op, self.limit)
        return self._runner


def check_id(op: str, sample: int | None, law: str) -> str:
    """``op[sample]-law``, or ``op-law`` of a whole op: as ``Result.id``."""
    return f"{op}-{law}" if sample is None else f"{op}[{sample}]-{law}"
