"""``plugrad strength`` as a user runs it."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.tests.cli import wrong_ops


def strength(*arguments):
    return CliRunner().invoke(app, ["strength", *map(str, arguments)])


def test_samples_that_catch_all_pass():
    done = strength("sin", "abs")
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0][:4] == ["op", "caught", "survived", "stale"]
    assert rows[0][4:] == ["equivalent", "not", "applicable", "score"]
    assert [row[0] for row in rows[1:3]] == ["abs", "sin"]
    assert [row[-2:] for row in rows[1:3]] == [["100", "%"]] * 2
    assert "passed: 2 ops, " in done.stdout
    assert "  abs: wrong-at-0[x]: where x = 0 its gradient is zero, " in done.stdout


def test_a_survivor_is_told_with_what_would_catch_it():
    with wrong_ops.registered(wrong_ops.ScaledSin):
        done = strength("scaled_sin", "--fault", "wrong-at-0", "--seed", 3)
    assert done.exit_code == 1
    what = "The gradient is 1.5 times as large where the input = 0."
    assert f"SURVIVED scaled_sin: wrong-at-0[x]: {what}" in done.stdout
    assert "  add a sample with x = 0 (.at_kink()" in done.stdout
    assert "  plugrad strength scaled_sin --fault 'wrong-at-0[x]' --seed 3\n" in done.stdout
    assert "FAILED: 1 ops, 0 of 1 faults caught (0 %)" in done.stdout


def test_a_fault_that_can_be_nowhere_passes():
    done = strength("sin", "--fault", "swapped")
    assert done.exit_code == 0
    assert "0 of 0 faults caught (-)" in done.stdout
    assert "0 caught, 0 survived, 0 stale, 0 equivalent, 1 not applicable" in done.stdout
    reason = "it has fewer than two inputs with a gradient"
    assert f"\nnot applicable:\n  sin: swapped: {reason}\n" in done.stdout


def test_json(tmp_path):
    path = tmp_path / "strength.json"
    done = strength("mul", "--fault", "dropped", "--json", path)
    assert done.exit_code == 0
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (told["passed"], told["score"], told["seed"]) == (True, 1.0, 0)
    assert told["counts"] == {"caught": 2}
    assert [(r["fault"], r["law"]) for r in told["results"]] == [
        ("dropped[x]", "oracle"),
        ("dropped[y]", "oracle"),
    ]
    done = strength("mul", "--fault", "dropped", "--json", "-")
    assert json.loads(done.stdout)["counts"] == {"caught": 2}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("sine",), "there is no op named 'sine'"),
        (("sin", "--fault", "scald"), "did you mean scaled?"),
        (("sin", "--fault", "dropped[z]"), "none of the ops has the fault dropped[z]"),
        (("sin", "--seed", -1), "for --seed: -1 is no seed\n  fix: give a number from 0"),
        (("sin", "--jobs", 0), "for --jobs: 0 processes check nothing\n  fix: give at least 1"),
        (("nowhere::",), "no pack named 'nowhere' is installed\n  fix: plugrad packs lists"),
    ],
)
def test_a_wrong_command_exits_with_2(arguments, told):
    done = strength(*arguments)
    assert done.exit_code == 2
    assert told in done.output


def test_a_file_that_cannot_be_written_exits_with_2(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "a.json"):
        done = strength("sin", "--json", path)
        assert done.exit_code == 2
        assert "can't be written" in done.output


def test_help_has_examples_a_line_each():
    done = strength("--help")
    assert "\n  plugrad strength special::           all ops of a pack\n" in done.stdout
