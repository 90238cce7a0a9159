"""docs/kernels.md: what it says to type does what it says, and its tables are true."""

from __future__ import annotations

import importlib
import json
import re
import shlex

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")

from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.testing import LAWS
from plugrad.tests.checkout import ROOT
from plugrad.tests.docs.page import blocks_of
from plugrad.tests.python_process import python

PAGE = ROOT / "docs" / "kernels.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)
WRONG = sorted(path.stem for path in (ROOT / "tests/controls/kernels/wrong").glob("*.py"))


def typed(command):
    """What a command of the page does, where the page's files are."""
    plugrad, *arguments = shlex.split(command)
    assert plugrad == "plugrad"
    return CliRunner().invoke(app, arguments)


def command(language, start):
    return next(b for b in BLOCKS if b.language == language and b.text.startswith(start))


@pytest.fixture
def files(tmp_path, monkeypatch):
    for block in BLOCKS:
        if block.title:
            (tmp_path / block.title).write_text(block.text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def without_size(line):
    return re.sub(r"at most [\d.e-]+", "at most #", line)


def test_the_kernel_of_the_page_fails_as_it_says(files):
    told = command("bash", "plugrad check").text.strip()
    done = typed(f"{told} --law kernel-numerics --law cotangent-layouts")
    assert done.exit_code == 1, done.output
    shown = list(map(without_size, done.stdout.splitlines()))
    lines = command("text", "FAILED").text.splitlines()
    assert all(without_size(line) in shown for line in lines), done.stdout
    again = typed(lines[-1].split("reproduce  ")[1])
    assert again.exit_code == 1
    assert lines[0] in again.stdout


def accepted(folder):
    interpreter, *arguments = shlex.split(command("sh", "python accept.py").text)
    assert interpreter == "python"
    return python(*arguments, cwd=folder)


def test_a_program_reads_the_report(files):
    told = command("sh", "plugrad check").text.strip() + " --law kernel-numerics"
    assert typed(told).exit_code == 1
    done = accepted(files)
    assert done.returncode == 1
    assert "RMSNorm[3]-kernel-numerics" in done.stdout


def test_the_program_accepts_the_kernel_as_it_should_be_on_all_samples_only(files):
    kernel = (files / "rms_norm.py").read_text()
    fixed = kernel.replace("torch.zeros_like(weight)", "torch.zeros(weight.shape)")
    fixed = fixed.replace("gx.to(x.dtype), gw,", "gx.to(x.dtype), gw.to(weight.dtype),")
    assert fixed != kernel
    (files / "rms_norm.py").write_text(fixed)
    told = command("sh", "plugrad check").text.strip() + " --law kernel-numerics"
    assert typed(told).exit_code == 0
    assert accepted(files).returncode == 0
    assert typed(f"{told} --sample 0").exit_code == 0
    assert accepted(files).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("rms_norm.py:RMSNorm --samples gate.py --law cotangent-layouts", 0),
        ("rms_norm.py:RMSNorm --law cotangent-layouts", 1),  # nothing was checked
        ("rms_norm.py:Other --samples gate.py", 2),
        ("other.py", 2),
        ("accept.py", 2),
        ("rms_norm.py:RMSNorm --samples other.py", 2),
        ("rms_norm.py:RMSNorm --samples gate.py --law other", 2),
        ("rms_norm.py:RMSNorm --samples gate.py --sample 4", 2),
    ],
)
def test_the_exit_status_is_as_the_table_says(arguments, status, files):
    assert typed(f"plugrad check {arguments}").exit_code == status


def test_the_wrong_kernels_are_those_of_the_table():
    rows = []
    for name in WRONG:
        wrong = importlib.import_module(f"plugrad.tests.controls.kernels.wrong.{name}")
        what = " ".join(wrong.__doc__.partition(":")[2].split()).rstrip(".")
        laws = ", ".join(f"[{law}](laws/{law}.md)" for law in wrong.LAWS)
        rows.append(f"| {wrong.RIGHT.__name__.rpartition('.')[2]} | {what} | {laws} |")
        assert all(law in LAWS for law in wrong.LAWS)
    table = TEXT[TEXT.index("| kernel | what is wrong | found by |") :]
    assert sorted(rows) == table.splitlines()[2:]
    assert len(rows) == 26
    assert "\nTwenty-six kernels" in TEXT


def test_the_fields_that_it_names_are_in_the_schema():
    schema = json.loads((ROOT / "docs/reference/check.schema.json").read_text(encoding="utf-8"))
    result = schema["$defs"]["result"]["properties"]
    for name in ("op", "sample", "law", "id", "status", "message", "mismatch", "verdict"):
        assert f"`{name}`" in TEXT
        assert name in result
    assert all(f"`{status}`" in TEXT for status in result["status"]["enum"])
    assert all(f"`{v}`" in TEXT for v in result["verdict"]["enum"] if v)
