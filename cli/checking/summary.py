"""print_summary: how many laws hold, by op and family."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args

from rich.table import Table
from rich.text import Text

from plugrad.cli.checking.console import folded, print_table
from plugrad.core.counted import counted
from plugrad.testing.law import FAMILIES
from plugrad.testing.result import Status

if TYPE_CHECKING:
    from rich.console import Console

    from plugrad.cli.checking.outcome import Outcome
    from plugrad.testing.result import Report

#: With more ops than this, only those that failed have a row.
FEW = 20
#: With more reasons than this, only the most common are shown.
FEW_REASONS = 8

_STYLES = {
    "passed": "green",
    "failed": "bold red",
    "warning": "yellow",
    "waived": "yellow",
    "not applicable": "dim",
}
_HEADS = {"warning": "warnings", "not applicable": "n/a"}


def print_summary(console: Console, outcome: Outcome, verbose: bool = False) -> None:
    """Print the table, the reasons of what was waived or does not apply, and the verdict."""
    report = outcome.report
    if len(report):
        print_table(console, _table(outcome, report, verbose))
        _print_reasons(console, report, verbose)
    console.print(_verdict(outcome, report))


# --- the table -----------------------------------------------------------------------


def _table(outcome: Outcome, report: Report, verbose: bool) -> Table:
    families = [f for f in FAMILIES if any(r.family == f for r in report)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("op", no_wrap=True)
    statuses = _statuses(report)
    for name in (*families, *(_HEADS.get(status, status) for status in statuses)):
        table.add_column(name, justify="right", no_wrap=True)
    every = verbose or len(outcome.ops) <= FEW
    for op in outcome.ops:
        of_op = outcome.of(op)
        if len(of_op) and (every or of_op.failures):
            table.add_row(*_row(Text(op), of_op, families, statuses))
    table.add_section()
    total = Text(f"all {counted(len(outcome.ops), 'op')}", "bold")
    table.add_row(*_row(total, report, families, statuses))
    return table


def _statuses(report: Report) -> list[str]:
    """Those that are shown; plugrad's own ops have no warnings."""
    return [s for s in get_args(Status) if s != "warning" or report.warnings]


def _row(title: Text, report: Report, families: list[str], statuses: list[str]) -> list[Text]:
    by_family: dict[str, Counter[str]] = {family: Counter() for family in families}
    for result in report:
        by_family[result.family][result.status] += 1
    cells = [title, *map(_cell, by_family.values())]
    counts = report.counts
    told = [(counts[status], _STYLES[status]) for status in statuses]
    return cells + [Text(str(count), style if count else "dim") for count, style in told]


def _cell(counts: Counter[str]) -> Text:
    """A family: its failures if there are any, else how many of its results are good."""
    if counts["failed"]:
        return Text(f"{counts['failed']} failed", "bold red")
    for status in ("warning", "waived"):
        if counts[status]:
            return Text(f"{counts[status]} {status}", "yellow")
    return Text(str(counts["passed"]), "green") if counts["passed"] else Text("-", "dim")


# --- reasons -------------------------------------------------------------------------


def _print_reasons(console: Console, report: Report, verbose: bool) -> None:
    reasons = report.reasons
    for status in ("waived", "not applicable"):
        grouped: Counter[str] = Counter()
        laws: dict[str, set[str]] = {}
        for (found, law, reason), count in reasons.items():
            if found == status:
                title = f"{law}: {reason}" if verbose else reason
                grouped[title] += count
                laws.setdefault(title, set()).add(law)
        if not grouped:
            continue
        console.print(f"\n{status} ({grouped.total()}):")
        shown = grouped.most_common(None if verbose else FEW_REASONS)
        for title, count in shown:
            line = f"{count:>7}  {title}{'' if verbose else _laws(laws[title])}"
            console.print(folded(line, hang=9))
        rest = len(grouped) - len(shown)
        if rest:
            left = grouped.total() - sum(count for _, count in shown)
            others = counted(rest, "other reason")
            console.print(f"{left:>7}  {others}: --verbose shows all")


def _laws(laws: set[str]) -> str:
    return f" ({', '.join(laws)})" if len(laws) == 1 else f" ({counted(len(laws), 'law')})"


# --- the verdict ---------------------------------------------------------------------


def _verdict(outcome: Outcome, report: Report) -> Text:
    counts = report.counts
    numbers = ", ".join(f"{counts[status]} {status}" for status in _statuses(report))
    ops, results = counted(len(outcome.ops), "op"), counted(len(report), "result")
    told = f"{ops}, {results} in {outcome.seconds:.1f} s: {numbers}"
    if outcome.interrupted:
        title, style = f"interrupted after {counted(outcome.done, 'op')}:", "bold yellow"
    elif not outcome.passed:
        title, style = "FAILED:", "bold red"
    else:
        title, style = "passed:", "bold green"
    unchecked, problems = report.unchecked, outcome.problems
    if unchecked:
        told += f"; not checked here: {', '.join(unchecked)}"
    if problems:
        told += f"; {counted(len(problems), 'target')} could not be found or imported"
    line = Text(f"\n{folded(f'{title} {told}', hang=2)}")
    line.stylize(style, 1, 1 + len(title))
    return line
