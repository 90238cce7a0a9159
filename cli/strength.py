"""``plugrad strength``: whether the samples of ops would catch a wrong rule."""

from __future__ import annotations

import json as json_module
import sys
import time
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from plugrad.cli.checking.console import console, folded, print_table
from plugrad.cli.checking.numbers import check_jobs, check_seed
from plugrad.cli.checking.processes import processes
from plugrad.cli.checking.writable import check_writable
from plugrad.cli.completion import complete_chosen, complete_faults
from plugrad.cli.interruption import INTERRUPTED, Interruption
from plugrad.cli.output_to_errors import output_to_errors

if TYPE_CHECKING:
    from plugrad.testing.pool import Checkable
    from plugrad.testing.strength_report import FaultResult, StrengthReport

#: With fewer ops than these for each process, starting it takes longer than it saves.
OPS_PER_JOB = 8
#: With more ops than these, those whose samples caught all are not shown.
MANY_OPS = 20


def strength(
    ops: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="The name of an op, or PACK:: for all ops of a pack; by default all ops. A "
            "Function, torch's or plugrad's, is MODULE:NAME or FILE.py:NAME; PACKAGE: or "
            "FILE.py means each Function in it (a plugrad Function if it has samples).",
            show_default=False,
            autocompletion=complete_chosen,
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="Inject only this fault, dropped or dropped[y]; may be repeated.",
            show_default=False,
            autocompletion=complete_faults,
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            help="The file with the samples for torch's Functions. By default plugrad_samples.py, "
            "here or beside the package.",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="A function that must give the same results: FILE.py:NAME or MODULE:NAME.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed for samples and cotangents.")] = 0,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="How many processes. By default one per CPU, or 1 for few ops.", show_default=False
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(help="Write the results as JSON; - for standard output.", show_default=False),
    ] = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Show every op, and why some faults do not apply."),
    ] = False,
) -> None:
    """See whether samples catch injected faults.

    Each fault is injected into a copy of the op: its gradient scaled by 1.001, one input's
    gradient dropped, one branch wrong, ... A fault that no law finds survives: the samples are
    too weak. A fault that changes nothing is declared equivalent, with the reason. An op that
    fails its check gets no faults; the law that it breaks is shown instead.

    \b
    plugrad strength              every registered op
    plugrad strength sin nn.functional.gelu
    plugrad strength special::    all ops of a pack
    plugrad strength mul --fault scaled --fault 'dropped[y]'
    plugrad strength kernels.py:Swish --samples swish_samples.py
    plugrad strength --json - > strength.json

    The exit status is 0 if no fault survives, 1 if one does or an op fails its check, 2 if
    the command is wrong or a target cannot be imported, and 130 after Ctrl-C, which prints the
    results so far.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    from plugrad.cli.checking.selection import chosen, chosen_targets
    from plugrad.testing.strength import choose_faults
    from plugrad.testing.strength_report import StrengthReport
    from plugrad.testing.targets import is_target_text

    check_seed(seed)
    if jobs is not None:
        check_jobs(jobs)
    targets, problems = chosen_targets(ops or (), samples, reference, seed, "cpu")
    named = [name for name in ops or () if not is_target_text(name)]
    registered, _ = chosen(named, lambda: choose_faults(fault or None), none=bool(targets))
    entries: list[Checkable] = [*registered, *targets]
    check_writable("--json", json)
    report = StrengthReport()
    piped = json == Path("-")
    start = time.monotonic()
    # What the ops print is for their author to see, and must stay out of our JSON.
    with Interruption() as interruption, output_to_errors() if piped else nullcontext():
        _collect(
            report, entries, fault, seed, processes(jobs, len(entries), OPS_PER_JOB), interruption
        )
    report.results.sort(key=lambda result: result.op)
    if not interruption.noted:
        _check_variants(fault or [], report)
    _write(json, _as_json(report, seed))
    out = console(to_errors=piped)
    _print(out, report, verbose or len(entries) <= MANY_OPS)
    seconds = time.monotonic() - start
    out.print(_total(report, seconds, interrupted=interruption.noted))
    if interruption.noted:
        raise typer.Exit(INTERRUPTED)
    if problems:
        raise typer.Exit(2)
    if not report.passed:
        raise typer.Exit(1)


def _collect(
    report: StrengthReport,
    entries: list[Checkable],
    faults: list[str] | None,
    seed: int,
    jobs: int,
    interruption: Interruption,
) -> None:
    """Add the results of each op until all are there, or until Ctrl-C."""
    from plugrad.testing.many import strength_of_many

    def stop() -> bool:
        return interruption.noted

    errors = Console(stderr=True, highlight=False)
    bar = Progress(
        TextColumn("injecting faults"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("ops, {task.fields[survivors]} survivors"),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=len(entries), survivors=0)
        many = strength_of_many(entries, faults=faults or None, seed=seed, jobs=jobs, stop=stop)
        for one in many:
            report.results += one.results
            bar.update(task, advance=1, survivors=len(report.survivors))


# --- what is shown -------------------------------------------------------------------


def _print(out: Console, report: StrengthReport, everything: bool) -> None:
    from plugrad.testing.strength_report import failed_check

    weak = {result.op for result in report.survivors + report.stale}
    broken = {result.op for result in report.broken}
    shown = {op: one for op, one in report.ops.items() if everything or op in weak}
    shown = {op: one for op, one in shown.items() if op not in broken}
    for result in report.broken:
        out.print(f"BROKEN {result.op} {failed_check(result)}")
        out.print(_indented(result.reproduce), end="")
    if shown:
        print_table(out, _table(shown))
    for result in report.survivors:
        _print_weakness(out, "SURVIVED", result)
    for result in report.stale:
        _print_weakness(out, "STALE", result)
    _print_equivalent(out, report)
    if everything:
        _print_not_applicable(out, report)


def _print_weakness(out: Console, verdict: str, result: FaultResult) -> None:
    out.print()
    out.print(folded(f"{verdict} {result.op}: {result.fault}: {_what(result.fault)}", hang=2))
    out.print(folded(f"  {result.message}", hang=2))
    out.print(_indented(result.reproduce), end="")


def _indented(line: str) -> str:
    return f"  {line}\n" if line else ""


def _what(fault: str) -> str:
    from plugrad.testing.faults import FAULTS

    id_ = fault.partition("[")[0]
    return FAULTS[id_].what if id_ in FAULTS else "there is no such fault"


def _print_equivalent(out: Console, report: StrengthReport) -> None:
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for result in report:
        if result.verdict == "equivalent":
            grouped[result.op, result.message].append(result.fault)
    if grouped:
        out.print("\nequivalent, because they change nothing:")
    for (op, reason), faults in grouped.items():
        out.print(folded(f"  {op}: {', '.join(faults)}: {reason}", hang=4))


def _print_not_applicable(out: Console, report: StrengthReport) -> None:
    from plugrad.testing.faults import FAULTS

    grouped: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for result in report:
        if result.verdict == "not applicable":
            grouped[result.message].append((result.op, result.fault))
    if grouped:
        out.print("\nnot applicable:")
    for reason, places in grouped.items():
        ops, faults = (list(dict.fromkeys(names)) for names in zip(*places, strict=True))
        all_faults = "every fault" if len(faults) == len(FAULTS) else ", ".join(faults)
        out.print(folded(f"  {', '.join(ops)}: {all_faults}: {reason}", hang=4))


_COLUMNS = ("caught", "survived", "stale", "equivalent", "not applicable")


def _table(reports: dict[str, StrengthReport]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("op", no_wrap=True)
    for name in (*_COLUMNS, "score"):
        table.add_column(name, justify="right", no_wrap=True)
    for op, report in reports.items():
        table.add_row(op, *(str(report.counts[c]) for c in _COLUMNS), _score(report))
    return table


def _score(report: StrengthReport) -> str:
    if not report.counts["caught"] + report.counts["survived"]:
        return "-"
    # Never 100 % where one survived.
    return f"{int(report.score * 1000) / 10:g} %"


def _total(report: StrengthReport, seconds: float, *, interrupted: bool) -> str:
    from plugrad.core.counted import counted

    counts = report.counts
    judged = counts["caught"] + counts["survived"]
    verdict = "passed" if report.passed else "FAILED"
    share = f"{counts['caught']} of {counted(judged, 'fault')} caught ({_score(report)})"
    how = "interrupted" if interrupted else verdict
    every = ", ".join(f"{counts[name]} {name}" for name in _COLUMNS)
    many = len(report.broken)
    fail = "fails its check" if many == 1 else "fail their checks"
    broken = f"\n{counted(many, 'op')} {fail}" if many else ""
    told = f"{how}: {counted(len(report.ops), 'op')}, {share} in {seconds:.1f} s"
    return "\n" + folded(f"{told}\n{every}{broken}", hang=2)


def _as_json(report: StrengthReport, seed: int) -> str:
    whole = {
        "seed": seed,
        "passed": report.passed,
        "score": report.score,
        "counts": dict(report.counts),
        "results": [result.as_dict() for result in report],
    }
    return json_module.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _write(path: Path | None, text: str) -> None:
    if path == Path("-"):
        sys.stdout.write(text)
    elif path is not None:
        path.write_text(text, encoding="utf-8")


# --- options -------------------------------------------------------------------------


def _check_variants(faults: list[str], report: StrengthReport) -> None:
    """Refuse a fault that no op has: ``dropped[z]``."""
    found = {name for result in report for name in (result.fault, result.fault.partition("[")[0])}
    for name in faults:
        base = name.partition("[")[0]
        without_rule = any(result.fault == base for result in report)
        if name not in found and not without_rule:
            raise typer.BadParameter(
                f"none of the ops has the fault {name}\n  fix: say {base} for all its variants",
                param_hint="--fault",
            )
