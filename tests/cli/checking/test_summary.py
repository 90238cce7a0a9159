"""print_summary: the table, the reasons, the verdict."""

from __future__ import annotations

import io

import pytest

pytest.importorskip("rich")
from rich.console import Console

from plugrad.cli.checking.outcome import Outcome
from plugrad.cli.checking.summary import print_summary
from plugrad.tests.cli.checking.an_outcome import outcome


def printed(made, **options):
    console = Console(file=io.StringIO(), width=200, highlight=False, markup=False)
    print_summary(console, made, **options)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_table_counts_by_family_and_status():
    lines = printed(outcome())
    assert [" ".join(line.split()) for line in lines[:4]] == [
        "op registration forward first order passed failed waived n/a",
        "good 1 waived - 2 2 0 1 1",
        "sni<&> - 1 failed 1 failed 0 2 0 0",
        "all 2 ops 1 waived 1 failed 1 failed 2 2 1 1",
    ]


def test_reasons_are_grouped():
    lines = printed(outcome())
    assert "waived (1):" in lines
    assert "      1  it has none (samples)" in lines
    assert "      1  why not (runs)" in lines
    assert "      1  runs: why not" in printed(outcome(), verbose=True)


def test_the_verdict():
    told = "2 ops, 6 results in 1.5 s: 2 passed, 2 failed, 1 waived, 1 not applicable"
    assert printed(outcome())[-1] == f"FAILED: {told}"
    stopped = outcome()
    stopped.interrupted = True
    assert printed(stopped)[-1] == f"interrupted after 2 ops: {told}"


def test_nothing_checked_is_no_success():
    assert printed(Outcome(["sin"], ()))[-1].startswith("FAILED: 1 op, 0 results")
