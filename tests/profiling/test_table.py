"""The table of a profile."""

from __future__ import annotations

import re

import pytest
import torch

import plugrad as pg
from plugrad.profiling import Cost, Row, Table

ROWS = [
    Row("matmul", Cost(2, 0.5, 0.5, 3 << 20), Cost(4, 0.25, 0.25, 1 << 10)),
    Row("sum", Cost(1, 0.001, 0.001, 4), Cost(100, 0.3, 0.3, 0)),
    Row("cos", Cost(7, 0.00001, 0.00001, 0), Cost()),
]


def table(**options):
    return Table(ROWS, Cost(1, 0.1, 0.7, 0), 2.0, 0.5, **options)


def test_it_prints():
    assert str(table()).splitlines() == [
        "              -------forward--------  -------backward-------",
        "op            calls    time     made  calls    time     made  share",
        "matmul            2  500 ms  3.0 MiB      4  250 ms  1.0 KiB    65%",
        "sum               1    1 ms      4 B    100  300 ms        -    26%",
        "cos               7   10 us        -                             0%",
        "(the engine)                              1  100 ms        -     9%",
        "2 s in all: 501 ms forward, 550 ms backward, 100 ms the engine, 500 ms elsewhere",
    ]
    assert repr(table()) == str(table())


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("time", ["matmul", "sum", "cos"]),
        ("forward", ["matmul", "sum", "cos"]),
        ("backward", ["sum", "matmul", "cos"]),
        ("calls", ["sum", "cos", "matmul"]),
        ("bytes", ["matmul", "sum", "cos"]),
        ("op", ["cos", "matmul", "sum"]),
    ],
)
def test_it_is_sorted(sort, first):
    assert [row.op for row in table(sort=sort).rows] == first


def test_an_unknown_order_is_refused():
    with pytest.raises(pg.errors.ArgumentError, match=r"(?s)'speed'.*fix: sort by.*'calls'"):
        table(sort="speed")


def test_a_limit_puts_the_others_together():
    lines = str(table(limit=1)).splitlines()
    assert lines[3].split()[:4] == ["(2", "more)", "8", "1.01"]
    assert lines[4].startswith("(the engine)")
    assert str(table(limit=0)).splitlines()[2].startswith("(3 more)")


def test_in_a_notebook():
    html = table()._repr_html_()
    assert html.count("<tr>") == 2 + 4
    assert '<td style="text-align: left">matmul</td>' in html
    assert "500 ms elsewhere</small>" in html
    escaped = Table([Row("<lambda>", Cost(1), Cost())], Cost(), 1.0, 1.0)._repr_html_()
    assert "&lt;lambda&gt;" in escaped
    assert "<lambda>" not in escaped


def test_a_profile_shows_its_table():
    with pg.profile() as run:
        pg.Variable(torch.ones(2), requires_grad=True).sin().sum().backward()
    line = r"^sin +1 +[\d.]+ us +8 B +1 +[\d.]+ us +8 B +\d+%$"
    assert re.search(line, str(run), re.MULTILINE)
    assert run._repr_html_() == run.table()._repr_html_()
    assert [row.op for row in run.table("op").rows] == ["sin", "sum"]


def test_an_empty_one():
    with pg.profile() as run:
        pass
    assert str(run).splitlines()[1].split()[0] == "op"
    assert "0 us forward" in str(run)
