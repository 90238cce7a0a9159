"""print_failures: what is wrong, where, probably why, and how to see it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from plugrad.cli.checking.outcome import Outcome
    from plugrad.testing.agree import Matrix, Mismatch
    from plugrad.testing.result import Result

#: As many failures of an op are told in full; of the others there is a line each.
IN_FULL = 3
#: Jacobians of more columns than these are not printed: nobody could read them.
COLUMNS = 12
ROWS = 24


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
        yield from _jacobians(*result.mismatch.jacobians)
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


def _jacobians(expected: Matrix, got: Matrix) -> Iterator[Text]:
    small = 0 < len(expected) <= ROWS and 0 < len(expected[0]) <= COLUMNS
    if not small:
        yield Text("  Jacobians  too large to print: --html draws them")
        return
    largest = max((abs(v) for row in expected for v in row if abs(v) < float("inf")), default=0.0)
    yield Text("  Jacobian expected (a row for each output element, a column for each input's):")
    yield from _matrix(expected, expected, largest)
    yield Text("  Jacobian got (* where it differs):")
    yield from _matrix(got, expected, largest)


def _matrix(shown: Matrix, expected: Matrix, largest: float) -> Iterator[Text]:
    for row, wanted in zip(shown, expected, strict=True):
        line = Text("   ")
        for value, right in zip(row, wanted, strict=True):
            wrong = value != right and not abs(value - right) <= 1e-9 * largest
            line.append(f"{_short(value):>12}{'*' if wrong else ' '}", "red" if wrong else "")
        line.rstrip()
        yield line


def _short(value: Any) -> str:
    return f"{value + 0.0:.5g}"  # -0.0 + 0.0 is 0.0
