"""Both Jacobians of a failure, in text and in HTML."""

from __future__ import annotations

import math

from plugrad.testing.agree import Mismatch
from plugrad.testing.result import Report, Result, failure_text
from plugrad.testing.two_jacobians import Entry, TwoJacobians

EXPECTED, GOT = [[1.0, 0.0], [0.0, -2.0]], [[1.0, -0.0], [0.5, math.nan]]


def mismatch(expected, got, tolerance=None):
    return Mismatch("x", None, "a", "b", tolerance=tolerance, jacobians=(expected, got))


def both(expected, got, tolerance=None):
    return TwoJacobians(mismatch(expected, got, tolerance))


def large():
    expected = [[float(i == j) for j in range(30)] for i in range(30)]
    got = [[2 * v for v in row] for row in expected]
    got[7][8] = 5.0
    return both(expected, got)


def test_small_ones_in_full():
    assert both(EXPECTED, GOT).lines() == [
        "expected Jacobian, a row for each output element, a column for each input's:",
        "  [ 1   0 ]",
        "  [ 0  -2 ]",
        "got (* where it differs):",
        "  [  1    0 ]",
        "  [0.5* nan*]",
    ]
    html = both(EXPECTED, GOT).html()
    assert html.count("<table>") == 2
    assert html.count("background") == 2
    assert '<td style="text-align: right; background: rgb(198 33 47 / 0.60)">nan</td>' in html
    assert "2 of 4 entries differ" in html


def test_the_worst_entries_first():
    assert both(EXPECTED, GOT).worst()[1] == Entry(1, 0, 0.0, 0.5, 0.5)
    first = both(EXPECTED, GOT).worst(1)[0]
    assert (first.row, first.column, first.off) == (1, 1, math.inf)


def test_the_same_nan_and_inf_do_not_differ():
    same = [[math.nan, math.inf, -math.inf]]
    assert both(same, same).worst() == []
    assert len(both([[math.inf]], [[-math.inf]]).worst()) == 1


def test_what_is_allowed_does_not_differ():
    assert both([[1.0]], [[1.0 + 1e-7]], tolerance=1e-6).worst() == []
    assert len(both([[1.0]], [[1.0 + 1e-7]]).worst()) == 1


def test_of_large_ones_the_worst():
    lines = large().lines()
    assert lines[0] == (
        "Jacobians of 30 x 30; 31 of 900 entries differ, the worst at [output, input element]:"
    )
    assert lines[1:3] == ["  [7, 8]     expected 0, got 5", "  [0, 0]     expected 1, got 2"]
    assert len(lines) == 11
    html = large().html()
    assert html.count("<tr>") == 11
    assert "<td>[7, 8]</td>" in html
    assert "31 of 900 entries differ" in html


def test_complex_ones():
    assert both([[1 + 1j]], [[1 - 1j]]).lines()[3] == "  [1-1j*]"


def test_empty_ones():
    assert both([], []).lines() == both([[]], [[]]).lines() == []
    assert both([], []).html() == ""


def test_a_report_shows_them_in_a_notebook_and_a_failure_in_text():
    result = Result(
        "f", 0, "numeric", "first order", "failed", "no", mismatch=mismatch(EXPECTED, GOT)
    )
    html = Report([result])._repr_html_()
    assert both(EXPECTED, GOT).html() in html
    assert html.count("0.5") == 1
    assert "plugrad explain numeric" in html
    assert "    [0.5* nan*]" in failure_text(result)
