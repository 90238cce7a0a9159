"""Result: what a law said about a sample, in words; Report: many of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from plugrad.testing.law import NOT_CHECKED
from plugrad.testing.laws import LAWS
from plugrad.testing.two_jacobians import TwoJacobians

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plugrad.testing.agree import Matrix, Mismatch


#: ``waived`` is a failure that the op's author declared, with a reason; ``warning`` one that torch
#: repairs or raises, or that matters to few.
Status: TypeAlias = Literal["passed", "failed", "warning", "waived", "not applicable"]
#: What the law ``kernel-numerics`` finds: see its page.
Verdict: TypeAlias = Literal["pass", "limited", "fail", "inconclusive"]
_UNSURE: tuple[Verdict, ...] = ("limited", "inconclusive")


class Result(NamedTuple):  # hundreds of thousands come from other processes: a dataclass is slow
    """The outcome of one law.

    Args:
        op: the op's name.
        sample: its number among the op's samples; None where the law judges the whole op.
        law: the law's id.
        family: the law's.
        status: see Status.
        message: what is wrong, or why the law was waived or does not apply.
        seed: the seed of samples and cotangents.
        duration: seconds.
        arguments: the sample, briefly.
        mismatch: the numbers of a failure, if there are any.
        device: where it ran.
        command: what checks the op again, but for options; empty where no command finds it.
    """

    op: str
    sample: int | None
    law: str
    family: str
    status: Status
    message: str = ""
    seed: int = 0
    duration: float = 0.0
    arguments: str = ""
    mismatch: Mismatch | None = None
    device: str = "cpu"
    command: str = ""

    @property
    def id(self) -> str:
        """``op[sample]-law``, as the pytest plugin calls it."""
        return f"{self.op}{'' if self.sample is None else f'[{self.sample}]'}-{self.law}"

    @property
    def reproduce(self) -> str:
        """A command that runs this law on this sample again; empty if there is none."""
        if not self.command:
            return ""
        sample = "" if self.sample is None else f" --sample {self.sample}"
        device = "" if self.device == "cpu" else f" --device {self.device}"
        return f"{self.command} --law {self.law}{sample} --seed {self.seed}{device}"

    @property
    def explain(self) -> str:
        """The command that prints the law's page; empty for a law that a program added itself."""
        own = self.law in LAWS and LAWS[self.law].check.__module__ == "__main__"
        return "" if own else f"plugrad explain {self.law}"

    @property
    def verdict(self) -> Verdict | None:
        """What ``kernel-numerics`` found; None of any other law, or where it found nothing out."""
        if self.law != "kernel-numerics" or self.status == "waived":
            return None
        if self.status == "passed":
            return "pass"
        # A warning says which it is, and does so as a failure under --strict.
        for verdict in _UNSURE:
            if self.message.startswith(f"{verdict}: "):
                return verdict
        return "fail" if self.status == "failed" else None

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        commands = {"reproduce": self.reproduce, "explain": self.explain}
        values = {**self._asdict(), "mismatch": self.mismatch and asdict(self.mismatch)}
        return {**values, "id": self.id, "verdict": self.verdict, **commands}


class Report:
    """What the laws said; iteration gives each Result.

    Args:
        results: in the order in which they came.
    """

    def __init__(self, results: Iterable[Result] = ()) -> None:
        self.results = list(results)

    @property
    def passed(self) -> bool:
        """Whether something was checked and nothing failed."""
        return bool({r.op for r in self.results}.difference(self.unchecked)) and not self.failures

    @property
    def unchecked(self) -> list[str]:
        """The ops that could not be called at all, as they need another device."""
        runs = [r for r in self.results if r.law == "runs"]
        called = {r.op for r in runs if not r.message.startswith(NOT_CHECKED)}
        return sorted({r.op for r in runs} - called)

    @property
    def failures(self) -> list[Result]:
        """The results that failed."""
        return [r for r in self.results if r.status == "failed"]

    @property
    def warnings(self) -> list[Result]:
        """The results that are warnings."""
        return [r for r in self.results if r.status == "warning"]

    @property
    def counts(self) -> Counter[str]:
        """How many results have each status."""
        return Counter(r.status for r in self.results)

    @property
    def reasons(self) -> Counter[tuple[str, str, str]]:
        """How often a law was waived or did not apply, by (status, law, reason)."""
        silent = ("waived", "not applicable")
        return Counter((r.status, r.law, r.message) for r in self.results if r.status in silent)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in sorted(self.counts.items()))
        return f"<Report: {counts or 'nothing was checked'}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: a line for each failure, which opens to what its law says."""
        found = [
            f"<details><summary><b>{escape(r.id)}</b>: {escape(r.message)}</summary>"
            f"<pre>{escape(failure_text(r, jacobians=False))}</pre>{_jacobians(r)}</details>"
            for r in self.failures
        ]
        found += [f"<div>{escape(f'{r.id}: warning: {r.message}')}</div>" for r in self.warnings]
        return f"<div>{escape(repr(self))}</div>{''.join(found)}"

    def __str__(self) -> str:
        lines = [repr(self)]
        for r in self.failures:
            lines += [f"{r.id}: {r.message}", f"  arguments: {r.arguments}"]
            lines += [f"  {r.reproduce}"] if r.reproduce else []
        for r in self.warnings:
            lines.append(f"{r.id}: warning: {r.message}")
        laws = dict.fromkeys(r.law for r in (*self.failures, *self.warnings) if r.explain)
        lines += [f"What these laws say: plugrad explain {' '.join(laws)}"] if laws else []
        return "\n".join(lines)


def failure_text(result: Result, jacobians: bool = True) -> str:
    """What is wrong, where, why the law exists, and how to see it again.

    The first line says as much as fits. Both Jacobians are in it if wanted.
    """
    place = "" if result.sample is None else f", sample {result.sample}"
    lines = [result.message, f"  op: {result.op}{place}"]
    if result.arguments:
        lines.append(f"  arguments: {result.arguments}")
    explain = f" ({result.explain})" if result.explain else ""
    lines.append(f"  law: {result.law}{_why(result.law)}{explain}")
    mismatch = result.mismatch
    if jacobians and mismatch is not None and mismatch.jacobians is not None:
        lines += [f"  {line}" for line in TwoJacobians(mismatch).lines()]
    commands = [_pytest_command(result), result.reproduce]
    labels = ("  reproduce: ", "         or: ")
    given = zip(labels, filter(None, commands), strict=False)
    lines += [label + command for label, command in given]
    return "\n".join(lines)


def _jacobians(result: Result) -> str:
    mismatch = result.mismatch
    return TwoJacobians(mismatch).html() if mismatch and mismatch.jacobians else ""


def matrix_lines(matrix: Matrix) -> list[str]:
    """A row a line, in columns."""
    cells = [[f"{value + 0.0:.6g}" for value in row] for row in matrix]  # no -0
    width = max((len(cell) for row in cells for cell in row), default=0)
    return ["    [" + "  ".join(cell.rjust(width) for cell in row) + "]" for row in cells]


def _why(law: str) -> str:
    return f": {LAWS[law].why}" if law in LAWS else ""


def _pytest_command(result: Result) -> str:
    if result.command != f"plugrad check {result.op}" or ":" in result.op.replace("::", ""):
        return ""
    # The law is chosen by its id: as a keyword, second-order is second-order-numeric too.
    keyword = result.op if result.sample is None else f"{result.op}[{result.sample}]-"
    device = "" if result.device == "cpu" else f" --plugrad-device {result.device}"
    return (
        f"pytest --plugrad-op {result.op} --plugrad-law {result.law} "
        f"--plugrad-seed {result.seed}{device} -k '{keyword}'"
    )
