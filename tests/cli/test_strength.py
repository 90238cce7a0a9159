"""``plugrad strength`` as a user runs it."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.testing import FAULTS
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
    with wrong_ops.registered(wrong_ops.WeakSin):
        done = strength("weak_sin", "--fault", "wrong-at-0", "--seed", 3)
    assert done.exit_code == 1
    what = "The gradient is 1.5 times as large where the input = 0."
    assert f"SURVIVED weak_sin: wrong-at-0[x]: {what}" in done.stdout
    assert "  add a sample with x = 0 (.at_kink()" in done.stdout
    command = "plugrad strength plugrad.tests.cli.wrong_ops:WeakSin --fault 'wrong-at-0[x]'"
    assert f"  {command} --seed 3\n" in done.stdout
    assert "FAILED: 1 op, 0 of 1 fault caught (0 %)" in done.stdout


def test_an_op_that_fails_its_check_is_told_first_and_fails(tmp_path):
    path = tmp_path / "strength.json"
    with wrong_ops.registered(wrong_ops.ScaledSin):
        done = strength("scaled_sin", "sin", "--json", path)
    assert done.exit_code == 1
    first, command = done.stdout.splitlines()[:2]
    assert first.startswith("BROKEN scaled_sin fails its check, so its strength is unknown: ")
    place = "plugrad.tests.cli.wrong_ops:ScaledSin"
    assert command == f"  plugrad check {place} --law numeric --sample 0 --seed 0"
    assert "add a sample" not in done.stdout
    assert "SURVIVED" not in done.stdout
    assert "1 op fails its check" in done.stdout
    told = json.loads(path.read_text(encoding="utf-8"))
    assert not told["passed"]
    assert told["counts"]["check failed"] == len(FAULTS)


# --- torch's -------------------------------------------------------------------------

KERNELS = """
import torch

class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sigmoid()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        s = x.sigmoid()
        return gy * (s + x * s * (1 - s))

class Wrong(Swish):
    @staticmethod
    def backward(ctx, gy):
        return 1.01 * Swish.backward(ctx, gy)

def twice(x):
    return x + x
"""
SAMPLES = """
from plugrad import Sample

def weak(make):
    return [Sample(make(3, low=0.1, high=0.9))]

def strong(make):
    return [Sample(make(3, 4)), Sample(make.tensor([0.0, 2.0]))]

SAMPLES = {"Swish": SAMPLE, "Wrong": strong, "twice": strong}
"""


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernels.py").write_text(KERNELS, encoding="utf-8")
    for name in ("strong", "weak"):
        text = SAMPLES.replace("SAMPLE}", "}").replace("SAMPLE,", f"{name},")
        (tmp_path / f"{name}_samples.py").write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("kernels")
def test_a_torch_function_in_a_file():
    done = strength("kernels.py:Swish", "--samples", "strong_samples.py")
    assert done.exit_code == 0, done.output
    assert "passed: 1 op, 22 of 22 faults caught (100 %)" in done.stdout
    done = strength("kernels.py:Swish", "--samples", "weak_samples.py")
    assert done.exit_code == 1
    assert "SURVIVED kernels.py:Swish: wrong-below-0[x]: " in done.stdout
    assert "  add a sample with x < 0\n" in done.stdout
    assert (
        "  plugrad strength kernels.py:Swish --samples weak_samples.py "
        "--fault 'wrong-below-0[x]' --seed 0\n"
    ) in done.stdout


@pytest.mark.usefixtures("kernels")
def test_a_wrong_torch_function_and_its_command():
    done = strength("kernels.py:Wrong", "--samples", "strong_samples.py", "--fault", "sign")
    assert done.exit_code == 1
    assert done.stdout.startswith("BROKEN kernels.py:Wrong fails its check")
    command = (
        "  plugrad check kernels.py:Wrong --samples strong_samples.py --law oracle "
        "--sample 0 --seed 0\n"
    )
    assert command in done.stdout
    shown = CliRunner().invoke(app, command.split()[1:])
    assert shown.exit_code == 1
    assert "scaled by 1.01" in shown.stdout


@pytest.mark.usefixtures("kernels")
def test_a_reference_and_a_function_without_a_rule():
    options = ("--samples", "strong_samples.py", "--fault", "scaled")
    done = strength("kernels.py:Swish", "--reference", "torch.nn.functional:silu", *options)
    assert done.exit_code == 0, done.output
    assert "1 of 1 fault caught" in done.stdout
    done = strength("kernels.py:Swish", "--reference", "torch:sigmoid", *options)
    assert done.exit_code == 1
    done = strength("kernels.py:twice", *options)
    assert done.exit_code == 0
    assert "its rule is not in a class that could be copied" in done.stdout


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("kernels.py:Nothing",), "has no 'Nothing'"),
        (("nowhere.kernels:Swish",), "there is no module 'nowhere.kernels'"),
        (("kernels.py:Swish", "--samples", "none.py"), "there is no file none.py"),
        (("kernels.py:Swish", "--reference", "kernels.py:none"), "has no 'none'"),
    ],
)
def test_what_is_not_found_exits_with_2(arguments, told):
    done = strength(*arguments)
    assert done.exit_code == 2
    assert told in done.output


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
        (("sin", "--seed", -1), "for --seed: -1 is not a seed\n  fix: give a number from 0"),
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
    assert "\n  plugrad strength special::    all ops of a pack\n" in done.stdout
