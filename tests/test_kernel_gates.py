"""What others' repositories run: the pre-commit hook and the GitHub Action."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from plugrad.tests.checkout import ROOT

KERNELS = """
import torch


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return {slope} * gy


SAMPLES = {{"Twice": lambda make: [make(3)]}}
"""


@pytest.fixture
def kernels(tmp_path):
    for name, slope in (("right", 2), ("wrong", 3)):
        (tmp_path / f"{name}.py").write_text(KERNELS.format(slope=slope))
    python = shlex.quote(sys.executable)
    put_command(tmp_path, "plugrad", f'exec {python} -m plugrad "$@"')
    put_command(tmp_path, "python", f'exec {python} "$@"')
    return tmp_path


def put_command(folder, name, script):
    command = folder / "bin" / name
    command.parent.mkdir(exist_ok=True)
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


def run(command, folder, **variables):
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


# --- pre-commit ----------------------------------------------------------------------

(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


def test_the_hook_fails_for_a_wrong_kernel(kernels):
    command = [*shlex.split(HOOK["entry"]), *HOOK.get("args", []), "right.py", "wrong.py"]
    done = run(command, kernels)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED wrong.py:Twice[0]-oracle" in done.stdout
    assert "right.py:Twice[0]-oracle" not in done.stdout


def test_the_hook_says_what_pre_commit_asks_for():
    assert HOOK["id"] == "plugrad-check"
    assert HOOK["name"]
    assert HOOK["language"] == "system"
    assert HOOK["require_serial"] is True  # or one file would be split over processes


@pytest.mark.parametrize(
    ("path", "checked"),
    [
        ("kernels.py", True),
        ("kernels/rms_norm.py", True),
        ("project/kernels/norms/rms_norm.py", True),
        ("project/kernel.py", True),
        ("kernels/__init__.py", False),
        ("kernels/plugrad_samples.py", False),
        ("kernels/test_rms_norm.py", False),
        ("project/train.py", False),
        ("my_kernels.py", False),
    ],
)
def test_the_hook_is_for_what_looks_like_kernels(path, checked):
    taken = re.search(HOOK["files"], path) and not re.search(HOOK["exclude"], path)
    assert bool(taken) is checked


# --- the Action ----------------------------------------------------------------------

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
INSTALL, CHECK = ACTION["runs"]["steps"]


def check(folder, **given):
    """Run the Action's step as GitHub does: its bash, with the inputs in the environment."""
    values = {name: told.get("default", "") for name, told in ACTION["inputs"].items()}
    values.update({name: str(value) for name, value in given.items()})
    variables = {}
    for variable, expression in CHECK["env"].items():
        (name,) = re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", expression).groups()
        variables[variable] = values[name]
    outputs = {n: folder / n for n in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", CHECK["run"]]
    done = run(command, folder, **variables, **{k: str(v) for k, v in outputs.items()})
    return done, *(path.read_text() for path in outputs.values())


def test_the_action_passes_right_kernels_and_writes_the_report(kernels):
    done, output, summary = check(kernels, targets="right.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert output == "report=plugrad-report.json\n"
    assert '"passed": true' in (kernels / "plugrad-report.json").read_text()
    assert "passed: 1 op," in summary


def test_the_action_fails_for_one_wrong_kernel_of_several(kernels):
    done, _, summary = check(kernels, targets="right.py wrong.py:Twice", report="other.json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED wrong.py:Twice[0]-oracle" in done.stdout
    assert "FAILED wrong.py:Twice[0]-oracle" in summary
    assert (kernels / "other.json").is_file()


@pytest.fixture
def arguments(tmp_path):
    """What the Action gives to python, which here does nothing but tell."""

    def given(**inputs):
        put_command(tmp_path, "python", 'for a in "$@"; do echo "[$a]"; done; exit 2')
        done, *_ = check(tmp_path, **inputs)
        assert done.returncode == 2
        return [line[1:-1] for line in done.stdout.splitlines()]

    return given


def test_the_actions_inputs_are_the_commands_options(arguments):
    usual = ["-m", "plugrad", "check", "--device"]
    report = ["--json", "plugrad-report.json"]
    assert arguments(targets="a.py") == [*usual, "cpu", *report, "--", "a.py"]
    every = {"samples": "samples of it.py", "reference": "r.py:f", "strict": "true"}
    assert arguments(targets="a.py b:C", device="cuda", **every) == [
        *usual, "cuda", *report, "--samples", "samples of it.py", "--reference", "r.py:f",
        "--strict", "--", "a.py", "b:C",
    ]  # fmt: skip


@pytest.mark.parametrize("targets", ["*.py; true", "$(true) `true`", "a.py && true"])
def test_what_the_action_is_given_is_no_script(targets, arguments):
    given = arguments(targets=targets)
    assert given[given.index("--") + 1 :] == targets.split()


def test_the_action_installs_plugrad_where_it_is_missing():
    assert INSTALL["env"] == {"PLUGRAD": "${{ github.action_path }}"}
    assert all(step["shell"] == "bash" for step in (INSTALL, CHECK))
    # An input that stood in the script itself could end it and begin another.
    assert "${{" not in INSTALL["run"] + CHECK["run"]
