"""Every benchmark runs and fills its rows; what the numbers are is not tested."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner

from plugrad.benchmarks.effort import TINY
from plugrad.benchmarks.result import Result
from plugrad.benchmarks.run import BENCHMARKS, app
from plugrad.benchmarks.timing import interleaved, least

ROWS = {
    "op": 2,
    "small-step": 1,
    "own-op": 2,
    "ctx": 2,
    "in-place": 2,
    "real-step": 2,
    "models": 6,
    "force-matching": 1,
    "fallback": 3,
    "checkpoint": 1,
    "chain": 2,
    "live-graph": 2,
    "import": 1,
    "bystander": 1,
    "check": 3,
    "recording": 3,
}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_fills_its_rows(name):
    results = list(BENCHMARKS[name](TINY))
    assert len(results) == ROWS[name]
    for result in results:
        assert result.ours > 0
        assert all(number > 0 for number in result.peers.values())
        assert set(result.against) <= set(result.peers)
        assert result.ratio > 0
        assert not set(result.skipped) & set(result.peers)


def test_json_has_every_number():
    done = CliRunner().invoke(app, ["--only", "own-op", "--tiny", "--json"])
    assert done.exit_code == 0
    table = json.loads(done.stdout)
    assert "cores" in table["machine"]
    assert [sorted(r) for r in table["results"]] == [
        ["against", "aim", "name", "ours", "peers", "ratio", "reached", "skipped", "unit"]
    ] * 2


def test_markdown_is_a_table():
    done = CliRunner().invoke(app, ["--only", "own-op", "--tiny", "--markdown"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 2 * 3
    assert len({line.count("|") for line in table}) == 1


def test_an_unknown_benchmark_is_refused():
    done = CliRunner().invoke(app, ["--only", "everything"])
    assert done.exit_code == 2
    assert "'everything' is no benchmark" in done.output
    assert "fix: choose from op, " in done.output


def test_turns_are_interleaved_and_the_first_round_is_not_counted():
    calls = []

    def contender(name, seconds):
        def run():
            calls.append(name)
            return next(seconds)

        return run

    medians = interleaved(
        {"a": contender("a", iter([99, 1, 2, 9])), "b": contender("b", iter([99, 3, 3, 3]))}, 3
    )
    assert "".join(calls) == "abbaabba"
    assert medians == {"a": 2, "b": 3}


def test_the_aim_is_held_against_the_best_peer():
    result = Result("work", "us", 3.0, {"x": 2.0, "y": 4.0, "z": 1.0}, 0.8, ("x", "y"))
    assert result.ratio == 1.5
    assert result.reached is False
    assert Result("work", "us", 3.0, {"y": 4.0}, 0.8, ("y",)).reached is True
    assert Result("work", "us", 3.0, {"torch": 4.0}).reached is None


def test_of_long_runs_the_least_time_counts():
    times = {"a": iter([0, 3, 1, 2]), "b": iter([0, 5, 9, 4])}
    assert least({n: (lambda n=n: next(times[n])) for n in times}, 3) == {"a": 1, "b": 4}
