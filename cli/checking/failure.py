"""print_failures: what is wrong, where, probably why, and how to see it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from plugrad.testing.two_jacobians import TwoJacobians, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from plugrad.cli.checking.outcome import Outcome
    from plugrad.testing.agree import Matrix, Mismatch
    from plugrad.testing.result import Result

#: As many failures of an op are told in full; of the others there is a line each.
IN_FULL = 3


def print_failures(console: Console, outcome: Outcome, verbose: bool = False) -> None:
    """Print the failures of each op: the first few in full, or with ``verbose`` all.

    Before them a line for each warning.
    """
    _print_warnings(console, outcome)
    for op in outcome.ops:
        failures = outcome.of(op).failures
        full = len(failures) if verbose else IN_FULL
        for result in failures[:full]:
            console.print()
            for line in failure(result):
                console.print(line)
        if failures[full:]:
            console.print(f"\nmore failures of {op} ({len(failures) - full}):")
        for result in failures[full:]:
            console.print(Text(f"  {result.id}: {_first_line(result.message)}"))
        laws = list(dict.fromkeys(result.law for result in failures[full:]))
        if laws:
            console.print(Text(f"  what these laws say: plugrad explain {' '.join(laws)}"))


def _print_warnings(console: Console, outcome: Outcome) -> None:
    for op in outcome.ops:
        by_law = {r.law: r for r in reversed(outcome.of(op).warnings)}
        for law, first in reversed(by_law.items()):
            same = sum(r.law == law for r in outcome.of(op).warnings) - 1
            more = f" (and {same} more)" if same else ""
            text = f" {first.id}: {_first_line(first.message)}{more}"
            console.print(Text.assemble(("warning", "yellow"), text))


def failure(result: Result) -> Iterator[Text]:
    """The lines that tell one failure in full."""
    yield Text.assemble(("FAILED", "bold red"), " ", (result.id, "bold"))
    for line in without_numbers(result).splitlines():
        yield Text(f"  {line}")
    for name, value in facts(result):
        yield Text.assemble("  ", (f"{name:<11}", "dim"), value)
    if result.mismatch is not None and result.mismatch.jacobians is not None:
        yield from _jacobians(TwoJacobians(result.mismatch))
    if result.reproduce:
        yield Text.assemble("  ", (f"{'reproduce':<11}", "dim"), (result.reproduce, "bold"))


def without_numbers(result: Result) -> str:
    """The message without the numbers that the facts give."""
    return (
        result.message.removesuffix(f": {result.mismatch}") if result.mismatch else result.message
    )


def facts(result: Result) -> list[tuple[str, str]]:
    """What is known of a failure, as names and values."""
    found = [("op", result.op)]
    if result.sample is not None:
        arguments = f": {result.arguments}" if result.arguments else ""
        found.append(("sample", f"{result.sample}{arguments}"))
    found += _numbers(result.mismatch) if result.mismatch else []
    return [*found, ("law's page", result.explain)]


def _numbers(mismatch: Mismatch) -> list[tuple[str, str]]:
    found = [("result", mismatch.what)]
    if mismatch.index is not None:
        found.append(("worst at", str(list(mismatch.index))))
    found += [("expected", mismatch.expected), ("got", mismatch.got)]
    if mismatch.absolute is not None and mismatch.relative is not None:
        allowed = f", allowed {mismatch.tolerance:.0e}" if mismatch.tolerance else ""
        error = f"{mismatch.absolute:.3g} absolute, {mismatch.relative:.3g} relative{allowed}"
        found.append(("error", error))
    if mismatch.cause:
        found.append(("cause", f"probably: {mismatch.cause}"))
    return found


def _first_line(message: str) -> str:
    return message.partition("\n")[0]


# --- Jacobians -----------------------------------------------------------------------


def _jacobians(both: TwoJacobians) -> Iterator[Text]:
    if both.is_empty:
        return
    if not both.is_small:
        first, *worst = both.lines()
        yield Text(f"  {first}")
        yield from (Text(f"  {line}", "red") for line in worst)
        return
    yield Text("  Jacobian expected (a row for each output element, a column for each input's):")
    yield from _matrix(both.expected)
    yield Text("  Jacobian got (* where it differs):")
    yield from _matrix(both.got, both)


def _matrix(shown: Matrix, both: TwoJacobians | None = None) -> Iterator[Text]:
    for i, row in enumerate(shown):
        line = Text("   ")
        for j, value in enumerate(row):
            wrong = both is not None and both.differs(i, j)
            line.append(f"{number(value):>12}{'*' if wrong else ' '}", "red" if wrong else "")
        line.rstrip()
        yield line
