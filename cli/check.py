"""``plugrad check``: check ops against the laws."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plugrad.cli.checking.console import console
from plugrad.cli.checking.numbers import check_jobs, check_seed
from plugrad.cli.checking.processes import processes
from plugrad.cli.checking.writable import check_writable
from plugrad.cli.completion import complete_chosen, complete_laws
from plugrad.cli.extras import require
from plugrad.cli.interruption import INTERRUPTED, Interruption
from plugrad.cli.last_check import remember_checks
from plugrad.cli.output_to_errors import output_to_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from plugrad.cli.checking.outcome import Outcome
    from plugrad.testing.pool import Checkable

#: With fewer ops than these for each process, starting it takes longer than it saves.
OPS_PER_JOB = 4


def check(
    ops: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="The name of an op, or PACK:: for all ops of a pack; by default all ops. A "
            "torch.autograd.Function, custom op or function is MODULE:NAME or FILE.py:NAME; "
            "PACKAGE: or FILE.py means each Function in it (a plugrad Function if it has "
            "samples).",
            show_default=False,
            autocompletion=complete_chosen,
        ),
    ] = None,
    law: Annotated[
        list[str] | None,
        typer.Option(
            help="Check only this law; may be repeated.",
            show_default=False,
            autocompletion=complete_laws,
        ),
    ] = None,
    sample: Annotated[
        list[int] | None,
        typer.Option(
            help="Check only this sample, counted from 0; may be repeated.", show_default=False
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
    strict: Annotated[bool, typer.Option("--strict", help="Count a warning as a failure.")] = False,
    device: Annotated[
        str, typer.Option(help="The device to check on: cpu, cuda, mps, ...")
    ] = "cpu",
    seed: Annotated[int, typer.Option(help="The seed for samples and cotangents.")] = 0,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="How many processes. By default one per CPU, or 1 for few ops.", show_default=False
        ),
    ] = None,
    time_limit: Annotated[
        float, typer.Option(help="Seconds for each law on each sample; 0 for no limit.")
    ] = 20.0,
    json: Annotated[
        Path | None,
        typer.Option(help="Write the results as JSON; - for standard output.", show_default=False),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write JUnit XML, for CI.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a report for a browser, as one file.", show_default=False),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every op, failure and reason.")
    ] = False,
) -> None:
    """Check ops against the laws.

    A law is a statement that must be true of every op, such as "the gradient is the slope of
    forward". The laws run on the op's samples; no other test is needed.

    \b
    plugrad check               every registered op
    plugrad check sin erf       two ops
    plugrad check plugrad::     the built-in ops
    plugrad check sin --law oracle --law second-order
    plugrad check entmax.activations:SparsemaxFunction
    plugrad check kernels.py:Swish --samples swish_samples.py
    plugrad check entmax:       each Function of a package
    plugrad check --jobs 8 --html report.html --junit report.xml

    The exit status is 0 if every law holds, 1 if one does not or nothing could be checked, 2 if
    the command is wrong or a target cannot be imported (the others are checked all the same),
    and 130 after Ctrl-C, which prints the results so far.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    if html is not None:
        require("plugrad check --html", "jinja2", extra="cli")
    from plugrad.cli.checking.outcome import Outcome
    from plugrad.cli.checking.selection import chosen, chosen_targets
    from plugrad.cli.device import usable_device
    from plugrad.testing.check import choose_laws
    from plugrad.testing.targets import is_target_text

    place = str(usable_device(device))
    targets, problems = chosen_targets(ops or (), samples, reference, seed, place)
    named = [name for name in ops or () if not is_target_text(name)]
    # Without names all ops would be meant.
    registered, laws = chosen(named, lambda: choose_laws(law or None), none=bool(targets))
    entries: list[Checkable] = [*registered, *targets]
    jobs = processes(jobs, len(entries), OPS_PER_JOB)
    check_seed(seed)
    check_jobs(jobs)
    _check_time_limit(time_limit)
    piped = json == Path("-")
    with output_to_errors():
        _check_samples(sample, entries, seed, place)
    for option, path in (("--json", json), ("--junit", junit), ("--html", html)):
        check_writable(option, path)
    outcome = Outcome([entry.name for entry in entries], laws, seed, place, problems)

    def batches(stop: Callable[[], bool]) -> None:
        from plugrad.cli.checking.progress import watched
        from plugrad.testing.many import check_many

        stream = check_many(
            entries,
            laws=law or None,
            samples=sample or None,
            seed=seed,
            device=place,
            time_limit=time_limit,
            jobs=jobs,
            stop=stop,
            strict=strict,
        )
        for batch in watched(stream, outcome):
            outcome.add(batch)

    # What the ops print is for their author to see, and must stay out of our JSON.
    with output_to_errors() if piped else nullcontext():
        _run(outcome, batches)
    if not law and not sample:
        remember_checks(outcome, registered)
    _print(console(to_errors=piped), outcome, verbose)
    _write(outcome, json, junit, html)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if outcome.problems:
        raise typer.Exit(2)
    if not outcome.report.passed:
        raise typer.Exit(1)


def _run(outcome: Outcome, batches: Callable[[Callable[[], bool]], None]) -> None:
    """Collect the batches until all are there, or until Ctrl-C, once or twice."""
    from plugrad.testing.garbage import collected_rarely

    start = time.monotonic()
    with Interruption() as interruption, collected_rarely():
        try:
            batches(lambda: interruption.noted)
        except KeyboardInterrupt:
            interruption.noted = True
    outcome.interrupted = interruption.noted
    outcome.seconds = time.monotonic() - start


# --- what is shown and written -------------------------------------------------------


def _print(out: Console, outcome: Outcome, verbose: bool) -> None:
    from plugrad.cli.checking.failure import print_failures
    from plugrad.cli.checking.summary import print_summary

    print_failures(out, outcome, verbose)
    if outcome.report.failures:
        out.print()
    print_summary(out, outcome, verbose)


def _write(outcome: Outcome, json: Path | None, junit: Path | None, html: Path | None) -> None:
    if json is not None:
        from plugrad.cli.checking.json_report import json_report

        if json == Path("-"):
            sys.stdout.write(json_report(outcome))
        else:
            json.write_text(json_report(outcome), encoding="utf-8")
    if junit is not None:
        from plugrad.cli.checking.junit import junit_report

        junit.write_bytes(junit_report(outcome))
    if html is not None:
        from plugrad.cli.checking.html_report import html_report

        html.write_text(html_report(outcome), encoding="utf-8")


# --- options -------------------------------------------------------------------------


def _check_time_limit(time_limit: float) -> None:
    if not 0 <= time_limit < float("inf"):
        raise typer.BadParameter(
            f"{time_limit:g} s is not a time limit\n  fix: give seconds, or 0 for none",
            param_hint="--time-limit",
        )


def _check_samples(
    wanted: list[int] | None, entries: list[Checkable], seed: int, device: str
) -> None:
    """Refuse a sample that none of the ops has."""
    if not wanted:
        return
    from plugrad.testing.check import under_test
    from plugrad.testing.runner import Runner

    runners = [Runner(under_test(entry, {}, seed, device)) for entry in entries]
    most = max(len(runner.samples) for runner in runners)
    for number in wanted:
        if not 0 <= number < most:
            has = f"{entries[0].name} has" if len(entries) == 1 else "no op has more than"
            known = f"give one from 0 to {most - 1}" if most else "--law samples says what is wrong"
            raise typer.BadParameter(
                f"there is no sample {number}: {has} {most}\n  fix: {known}",
                param_hint="--sample",
            )
