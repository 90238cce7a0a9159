"""Targets by where they are: modules, files, packages, and the samples files beside them."""

from __future__ import annotations

import json
import sys
import textwrap

import pytest

from plugrad.errors import SamplesFileError, UnknownTargetError
from plugrad.testing import check_op
from plugrad.testing.targets import find_target, find_targets, is_target_text

HERE = "plugrad.tests.testing.torch_functions"
SWISH = """
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

    class Inner:
        class Twice(Swish):
            pass

    def cube(x):
        return x ** 3
"""
SAMPLES = """
    from plugrad import Sample

    SAMPLES = {
        "Swish": lambda make: [Sample(make(3)), Sample(make(2, 2))],
        "swish.py:cube": {"samples": lambda make: [Sample(make(3))], "elementwise": True},
    }
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A working directory with swish.py; what it imports is forgotten."""
    known = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "swish.py", SWISH)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_what_is_a_target_and_what_the_name_of_an_op():
    assert all(map(is_target_text, ("a.b:C", "a/b.py:C", "b.py", "a:")))
    assert not any(map(is_target_text, ("sin", "linalg.det", "special::", "special::erf")))


def test_a_function_by_its_module():
    op = find_target(f"{HERE}:Swish", {})
    assert (op.name, len(op.samples())) == (f"{HERE}:Swish", 2)
    assert op.command == f"plugrad check {HERE}:Swish"


def test_a_function_by_its_file_with_a_samples_file_beside_it(project):
    write(project / "plugrad_samples.py", SAMPLES)
    report = check_op("swish.py:Swish", laws=["oracle"])
    assert [r.status for r in report] == ["passed", "passed"]
    assert report.results[0].reproduce == (
        "plugrad check swish.py:Swish --law oracle --sample 0 --seed 0"
    )
    cube = find_target("swish.py:cube", {})
    assert cube.declaration.elementwise
    assert cube.composite


def test_all_functions_of_a_file_and_of_a_package(project):
    assert [op.name for op in find_targets("swish.py", {})] == [
        "swish.py:Inner.Twice", "swish.py:Swish"
    ]  # fmt: skip
    write(project / "pack" / "__init__.py", "")
    write(project / "pack" / "ops.py", SWISH)
    write(project / "pack" / "broken.py", "import not_there")
    assert [op.name for op in find_targets("pack:", {})] == [
        "pack.ops:Inner.Twice", "pack.ops:Swish"
    ]  # fmt: skip


def test_a_samples_file_that_is_given_or_configured_counts_before_others(project):
    write(project / "plugrad_samples.py", "SAMPLES = {}")
    write(project / "checks" / "mine.py", SAMPLES)
    told = {"samples_file": "checks/mine.py"}
    assert len(find_target("swish.py:Swish", told).samples()) == 2
    assert not find_target("swish.py:Swish", {}).samples()
    write(project / "pyproject.toml", '[tool.plugrad]\nsamples = "checks/mine.py"')
    assert len(find_target("swish.py:Swish", {}).samples()) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nowhere.at.all:F", "there is no module 'nowhere.at.all'"),
        ("nowhere.py:F", "there is no file nowhere.py"),
        ("swish.py:Swich", "swish.py has no 'Swich'"),
        ("raising.py:F", "raising.py cannot be imported: ZeroDivisionError"),
        ("exiting.py:F", "exiting.py cannot be imported: SystemExit"),
        ("plain.py", "plain.py defines neither a torch.autograd.Function nor a plugrad.Function"),
        ("swish.py", "'swish.py' leads to 2 targets"),
    ],
)
def test_what_is_not_there_is_an_error_that_says_what_to_do(project, text, problem):
    write(project / "raising.py", "1 / 0")
    write(project / "exiting.py", "raise SystemExit(3)")
    write(project / "plain.py", "x = 1")
    before = list(sys.path)
    with pytest.raises(UnknownTargetError) as caught:
        find_target(text, {})
    assert problem in str(caught.value)
    assert "fix: " in str(caught.value)
    assert sys.path == before


def test_a_name_that_is_nearly_right_is_suggested(project):
    with pytest.raises(UnknownTargetError, match="did you mean Swish"):
        find_target("swish.py:Swich", {})


@pytest.mark.parametrize("text", ["1 / 0", "x = 1", "SAMPLES = 3"])
def test_a_samples_file_that_gives_none_is_told(project, text):
    write(project / "plugrad_samples.py", text)
    with pytest.raises(SamplesFileError, match="gives no SAMPLES: .*\n.*\n  fix: define SAMPLES"):
        find_target("swish.py:Swish", {})
    with pytest.raises(SamplesFileError, match="there is no file other.py"):
        find_target("swish.py:Swish", {"samples_file": "other.py"})


OURS = """
    import plugrad as pg
    import torch
    from plugrad import Sample

    class Base(pg.Function):
        @staticmethod
        def samples(make):
            yield Sample(make(3))

    class Part(pg.Function):  # of another op: without samples
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, gy):
            return 2 * gy

    class Double(Part, Base):
        "y = 2x."

    @pg.op("here::triple")
    class Triple(Base):
        "y = 3x;  gx = 2 gy, which is wrong."

        @staticmethod
        def forward(ctx, x):
            return 3 * x

        @staticmethod
        def backward(ctx, gy):
            return 2 * gy
"""


def test_our_functions_with_samples_are_found_too(project):
    write(project / "ours.py", OURS + SWISH)
    found = [op.name for op in find_targets("ours.py", {})]
    assert found == ["Double", "ours.py:Inner.Twice", "ours.py:Swish", "here::triple"]
    write(project / "our_pack/__init__.py", "")
    write(project / "our_pack/one.py", OURS)
    write(project / "our_pack/two.py", OURS)
    found = [(op.name, op.function.__module__) for op in find_targets("our_pack:", {})]
    assert found == [
        ("Double", "our_pack.one"),
        ("here::triple", "our_pack.one"),
        ("Double", "our_pack.two"),
        ("here::triple", "our_pack.two"),
    ]


@pytest.mark.parametrize("command", ["check --law runs", "strength --fault scaled"])
def test_what_cannot_be_imported_does_not_keep_others_from_being_checked(project, command):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from plugrad.cli.app import app

    write(project / "broken.py", "import nothing_like_this")
    write(project / "plugrad_samples.py", SAMPLES)
    name, *options = command.split()
    places = ["broken.py:Swish", "swish.py:Swish", "missing.py:Swish", "swish.py:Lost"]
    done = CliRunner().invoke(app, [name, *places, *options, "--json", "out.json"])
    assert done.exit_code == 2, done.output
    missing = "ModuleNotFoundError: No module named 'nothing_like_this'"
    problems = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert problems == [
        f"Error: broken.py cannot be imported: {missing}",
        "Error: there is no file missing.py",
        "Error: swish.py has no 'Lost'",
    ]
    told = json.loads((project / "out.json").read_text())
    assert {result["op"] for result in told["results"]} == {"swish.py:Swish"}
    if name == "check":
        assert [r["status"] for r in told["results"]] == ["passed", "passed"]
        assert not told["passed"]
        assert [f"Error: {p.splitlines()[0]}" for p in told["problems"]] == problems
        assert "3 targets could not be found or imported" in done.stdout
    done = CliRunner().invoke(app, [name, *places[2:], *options])
    assert done.exit_code == 2
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["check --law numeric", "strength --fault scaled"])
def test_on_the_command_line(project, command):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from plugrad.cli.app import app

    write(project / "mixed.py", OURS)
    name, *options = command.split()
    done = CliRunner().invoke(app, [name, "mixed.py", *options])
    assert done.exit_code == 1, done.output
    words = done.stdout.split()
    assert "Double" in words
    assert "here::triple" in words
    if name == "check":
        assert "plugrad check mixed.py:Triple --law numeric --sample 0" in done.stdout
