"""The README's examples run as they stand."""

from __future__ import annotations

import os
import re

import pytest

from plugrad.testing import LAWS
from plugrad.tests import checkout
from plugrad.tests.python_process import python

README = (checkout.ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_there_is_an_example_for_each_thing_users_do():
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(number, tmp_path):
    # In a process and a folder of its own: one of them registers an op.
    done = python(
        "-W",
        "error",
        "-c",
        EXAMPLES[number],
        cwd=tmp_path,
        env=os.environ | {"PLUGRAD_PACKS": "none"},
    )
    assert done.returncode == 0, done.stderr


def test_what_the_report_of_an_op_in_a_file_prints_can_be_typed(tmp_path):
    (tmp_path / "cube.py").write_text(next(e for e in EXAMPLES if "class Cube" in e))

    def run(*command):
        environment = os.environ | {"PLUGRAD_PACKS": "none"}
        done = python(*command, cwd=tmp_path, env=environment)
        return done.stdout

    printed = run("cube.py")
    command = "plugrad check cube.py:Cube --law complex --sample 0 --seed 0"
    explain = "plugrad explain complex"
    for words in (command, explain):
        assert f"`{words}`" in README
        assert words in printed
    assert "FAILED cube[0]-complex" in run("-m", *command.split())
    assert run("-m", *explain.split()).startswith("complex, a law: ")


def test_the_number_of_laws_is_right():
    ours = sum("plugrad" in law.engines for law in LAWS)
    assert f"# held to {ours} laws, from the samples alone" in README


def test_it_can_be_read_in_one_sitting():
    assert len(README.splitlines()) <= 130
