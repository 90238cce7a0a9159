"""StrengthReport: which faults the samples of ops catch."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: ``stale`` is a fault declared equivalent that the samples catch, or that there is not.
Verdict: TypeAlias = Literal["caught", "survived", "equivalent", "not applicable", "stale"]


@dataclass(frozen=True)
class FaultResult:
    """What became of one fault in one op.

    Args:
        op: the op's name.
        fault: the fault's, with its variant: ``dropped[y]``.
        verdict: see Verdict.
        message: for ``caught`` what the law said; for ``survived`` what would catch it;
            else the reason.
        law, sample: what caught it.
        seed: of the samples.
        duration: seconds.
    """

    op: str
    fault: str
    verdict: Verdict
    message: str = ""
    law: str = ""
    sample: int | None = None
    seed: int = 0
    duration: float = 0.0

    @property
    def id(self) -> str:
        """``op-fault``."""
        return f"{self.op}-{self.fault}"

    @property
    def reproduce(self) -> str:
        """A command that injects this fault into this op again."""
        return f"plugrad strength {self.op} --fault '{self.fault}' --seed {self.seed}"

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return {**asdict(self), "id": self.id, "reproduce": self.reproduce}


class StrengthReport:
    """What became of the faults; iteration gives each FaultResult.

    Args:
        results: of one op or several.
    """

    def __init__(self, results: Iterable[FaultResult] = ()) -> None:
        self.results = list(results)

    @property
    def passed(self) -> bool:
        """Whether no fault survived, and none was declared equivalent that is not."""
        return bool(self.results) and not self.survivors and not self.stale

    @property
    def survivors(self) -> list[FaultResult]:
        """The faults that no sample shows: the samples are too weak."""
        return [r for r in self.results if r.verdict == "survived"]

    @property
    def stale(self) -> list[FaultResult]:
        """The faults that the op declares equivalent for no reason."""
        return [r for r in self.results if r.verdict == "stale"]

    @property
    def counts(self) -> Counter[str]:
        """How many faults have each verdict."""
        return Counter(r.verdict for r in self.results)

    @property
    def score(self) -> float:
        """The share of the faults that count which were caught; 1 if none counts."""
        caught, survived = self.counts["caught"], self.counts["survived"]
        return caught / (caught + survived) if caught + survived else 1.0

    @property
    def ops(self) -> dict[str, StrengthReport]:
        """A report for each op."""
        by_op: dict[str, StrengthReport] = {}
        for result in self.results:
            by_op.setdefault(result.op, StrengthReport()).results.append(result)
        return by_op

    def __iter__(self) -> Iterator[FaultResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(self.counts.items()))
        return f"<StrengthReport {self.score:.0%}: {counts or 'no fault was injected'}>"

    def __str__(self) -> str:
        lines = [repr(self)]
        for r in self.survivors + self.stale:
            lines += [f"{r.op}: {r.fault} {r.verdict}: {r.message}", f"  {r.reproduce}"]
        return "\n".join(lines)
