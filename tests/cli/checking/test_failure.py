"""failure: what is told of one."""

from __future__ import annotations

import pytest

pytest.importorskip("rich")

from plugrad.cli.checking.failure import failure
from plugrad.testing.agree import Mismatch
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


def test_large_jacobians_are_left_to_html():
    matrix = [[0.0] * 13]
    mismatch = Mismatch("x", None, "a", "b", jacobians=(matrix, matrix))
    told = lines(Result("sin", 0, "numeric", "first order", "failed", "no", mismatch=mismatch))
    assert "  Jacobians  too large to print: --html draws them" in told
