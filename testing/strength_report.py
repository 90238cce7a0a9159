"""StrengthReport: the results of the faults that were injected into ops."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


#: ``stale`` is a fault declared equivalent that the samples catch, or that does not exist. After
#: ``check failed`` no fault was injected: the op breaks a law already.
Verdict: TypeAlias = Literal[
    "caught", "survived", "equivalent", "not applicable", "stale", "check failed"
]


@dataclass(frozen=True)
class FaultResult:
    """The result of one fault in one op.

    Args:
        op: the op's name.
        fault: the fault's, with its variant: ``dropped[y]``.
        verdict: see Verdict.
        message: for ``caught`` and ``check failed`` what the law said; for ``survived`` what
            would catch it; else the reason.
        law, sample: what caught it, or what the op itself breaks.
        seed: of the samples.
        duration: seconds.
        command: what checks the op, but for options; empty where no command finds it.
    """

    op: str
    fault: str
    verdict: Verdict
    message: str = ""
    law: str = ""
    sample: int | None = None
    seed: int = 0
    duration: float = 0.0
    command: str = ""

    @property
    def id(self) -> str:
        """``op-fault``."""
        return f"{self.op}-{self.fault}"

    @property
    def reproduce(self) -> str:
        """A command that injects this fault into this op again; empty if there is none.

        Where the op fails its check, the command shows that.
        """
        if not self.command:
            return ""
        if self.verdict == "check failed":
            sample = "" if self.sample is None else f" --sample {self.sample}"
            return f"{self.command} --law {self.law}{sample} --seed {self.seed}"
        command = self.command.replace("plugrad check", "plugrad strength", 1)
        return f"{command} --fault '{self.fault}' --seed {self.seed}"

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return {**asdict(self), "id": self.id, "reproduce": self.reproduce}


class StrengthReport:
    """The results of the faults; iteration gives each FaultResult.

    Args:
        results: of one op or several.
    """

    def __init__(self, results: Iterable[FaultResult] = ()) -> None:
        self.results = list(results)

    @property
    def passed(self) -> bool:
        """Whether the op obeys the laws, no fault survived, and none is stale."""
        return bool(self.results) and not (self.survivors or self.stale or self.broken)

    @property
    def survivors(self) -> list[FaultResult]:
        """The faults that no sample shows: the samples are too weak."""
        return [r for r in self.results if r.verdict == "survived"]

    @property
    def stale(self) -> list[FaultResult]:
        """The faults that the op wrongly declares equivalent."""
        return [r for r in self.results if r.verdict == "stale"]

    @property
    def broken(self) -> list[FaultResult]:
        """One result for each op that fails its check and got no faults."""
        failed = [r for r in self.results if r.verdict == "check failed"]
        return list({result.op: result for result in reversed(failed)}.values())[::-1]

    @property
    def counts(self) -> Counter[str]:
        """How many faults have each verdict."""
        return Counter(r.verdict for r in self.results)

    @property
    def score(self) -> float:
        """The share of the counted faults that were caught; 1 if none counts.

        The faults of an op that fails its check were not caught.
        """
        caught, missed = self.counts["caught"], self.counts["survived"]
        missed += self.counts["check failed"]
        return caught / (caught + missed) if caught + missed else 1.0

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
        for r in self.broken:
            lines += [f"{r.op} {failed_check(r)}", *_indented(r.reproduce)]
        for r in self.survivors + self.stale:
            lines += [f"{r.op}: {r.fault} {r.verdict}: {r.message}", *_indented(r.reproduce)]
        return "\n".join(lines)


def _indented(line: str) -> list[str]:
    return [f"  {line}"] if line else []


def failed_check(result: FaultResult) -> str:
    """Which law the op of a result breaks, so that its strength is unknown."""
    return (
        f"fails its check, so its strength is unknown: the law {result.law}, "
        f"sample {result.sample}: {result.message}"
    )
