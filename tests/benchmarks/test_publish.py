"""The tables of the README and of the site are those of the last release's JSON."""

from __future__ import annotations

import pytest

pytest.importorskip("rich")

from plugrad.benchmarks.publish import ROWS, published, short
from plugrad.benchmarks.result import Result
from plugrad.benchmarks.table import as_json, as_markdown, from_json
from plugrad.tests import checkout

(SAVED,) = (checkout.ROOT / "benchmarks" / "results").glob("*.json")
RESULTS, WHERE = from_json(SAVED.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("path", "table"),
    [("README.md", short(RESULTS, WHERE)), ("docs/benchmarks.md", as_markdown(RESULTS, WHERE))],
)
def test_a_table_is_what_was_measured(path, table):
    assert table in (checkout.ROOT / path).read_text(encoding="utf-8")


def test_the_readme_has_its_eight_rows():
    assert len(short(RESULTS, WHERE).splitlines()) == 2 + len(ROWS) + 2


def test_the_short_table_is_against_the_best_peer_of_the_aim():
    many = Result(f"{ROWS[0]}, wide", "us", 3.0, {"x": 2.0, "y": 1.5, "z": 1.0}, 2.5, ("x", "y"))
    row = short([many], "here").splitlines()[2]
    assert row == f"| {ROWS[0]}, wide | 3.00 us | y | 1.50 us | 2.00 | <= 2.50 reached |"


def test_json_comes_back_as_it_was():
    results = [Result("work", "us", 3.0, {"torch": 4.0}, skipped={"JAX": "no wheel"})]
    assert from_json(as_json(results, "here")) == (results, "here")


def test_a_table_takes_the_place_of_the_one_before():
    old, new = as_markdown([], "an old machine"), as_markdown([], "a new one")
    assert published(f"before\n\n{old}\n\nafter\n", new) == f"before\n\n{new}\n\nafter\n"
