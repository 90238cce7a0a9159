"""Report: the results of a check."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plugrad.testing.result import Result


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
        return bool(self.results) and not self.failures

    @property
    def failures(self) -> list[Result]:
        """The results that failed."""
        return [r for r in self.results if r.status == "failed"]

    @property
    def counts(self) -> Counter[str]:
        """How many results have each status."""
        return Counter(r.status for r in self.results)

    @property
    def reasons(self) -> Counter[tuple[str, str, str]]:
        """How often each (status, law, reason) said that a law was waived or does not apply."""
        silent = ("waived", "not applicable")
        return Counter((r.status, r.law, r.message) for r in self.results if r.status in silent)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in sorted(self.counts.items()))
        return f"<Report: {counts or 'nothing was checked'}>"

    def __str__(self) -> str:
        lines = [repr(self)]
        for r in self.failures:
            lines += [f"{r.id}: {r.message}", f"  arguments: {r.arguments}", f"  {r.reproduce}"]
        return "\n".join(lines)
