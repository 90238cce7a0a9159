"""failure: what is told of one."""

from __future__ import annotations

import pytest

pytest.importorskip("rich")

from plugrad.cli.checking.failure import failure, print_failures
from plugrad.cli.checking.outcome import Outcome
from plugrad.testing.agree import Mismatch
from plugrad.testing.check import choose_laws
from plugrad.testing.pool import Batch
from plugrad.testing.result import Result
from plugrad.tests.cli.checking.an_outcome import outcome


def lines(result):
    return [line.plain for line in failure(result)]


def test_all_of_it():
    assert lines(outcome().report.failures[-1]) == [
        "FAILED sni<&>[0]-oracle",
        "  not torch's </script> gradient",
        "  op         sni<&>",
        "  sample     0: Sample(2)",
        "  result     gradient of x",
        "  worst at   [1]",
        "  expected   -2",
        "  got        nan",
        "  error      inf absolute, inf relative, allowed 1e-10",
        "  cause      probably: 0 / 0",
        "  law's page plugrad explain oracle",
        "  Jacobian expected (a row for each output element, a column for each input's):",
        "              1            0",
        "              0           -2",
        "  Jacobian got (* where it differs):",
        "              1            0",
        "              0          nan*",
        "  reproduce  plugrad check sni<&> --law oracle --sample 0 --seed 0",
    ]


def test_without_numbers():
    result = Result(
        "sin",
        None,
        "name",
        "registration",
        "failed",
        "it has\nno name",
        command="plugrad check sin",
    )
    assert lines(result) == [
        "FAILED sin-name",
        "  it has",
        "  no name",
        "  op         sin",
        "  law's page plugrad explain name",
        "  reproduce  plugrad check sin --law name --seed 0",
    ]


def test_of_large_jacobians_the_worst_entries():
    expected = [[float(i == j) for j in range(30)] for i in range(30)]
    got = [[2.0 * v for v in row] for row in expected]
    got[7][8] = 5.0
    got[9][9] = float("nan")
    mismatch = Mismatch("x", (7, 8), "0", "5", jacobians=(expected, got))
    told = lines(Result("sin", 0, "numeric", "first order", "failed", "no", mismatch=mismatch))
    start = told.index(
        "  Jacobians of 30 x 30; 31 of 900 entries differ, the worst at [output, input element]:"
    )
    assert told[start + 1 : start + 4] == [
        "    [9, 9]     expected 1, got nan",
        "    [7, 8]     expected 0, got 5",
        "    [0, 0]     expected 1, got 2",
    ]
    assert len(told[start + 1 :]) == 10


def test_what_the_tolerance_allows_does_not_differ():
    jacobians = ([[1.0, 0.0]], [[1.0 + 1e-7, 2.0]])
    mismatch = Mismatch("x", (0, 1), "0", "2", 2.0, 2.0, 1e-6, jacobians=jacobians)
    told = lines(Result("sin", 0, "numeric", "first order", "failed", "no", mismatch=mismatch))
    assert told[-1] == "              1            2*"


def test_the_laws_of_failures_that_have_a_line_each_are_named(capsys):
    from rich.console import Console

    made = Outcome(["f"], choose_laws(["oracle", "runs", "numeric"]))
    laws = ["runs", "runs", "runs", "oracle", "numeric", "oracle"]
    made.add(Batch("f", [Result("f", 0, law, "forward", "failed", "no") for law in laws], True))
    print_failures(Console(width=100), made)
    assert capsys.readouterr().out.splitlines()[-5:] == [
        "more failures of f (3):",
        "  f[0]-oracle: no",
        "  f[0]-numeric: no",
        "  f[0]-oracle: no",
        "  what these laws say: plugrad explain oracle numeric",
    ]
