"""``plugrad check``, in this process and as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.core import SampleMaker
from plugrad.plugins.default import registry
from plugrad.tests.cli import wrong_ops
from plugrad.tests.python_process import python

QUICK = ("--law", "runs", "--law", "oracle")
#: How many samples they have.
SIN, COS = (len(list(registry[name].function.samples(SampleMaker()))) for name in ("sin", "cos"))


def check(*arguments):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def as_a_user(*arguments, **options):
    return python("-m", "plugrad", "check", *arguments, **options)


@pytest.fixture
def scaled_sin():
    with wrong_ops.registered(wrong_ops.ScaledSin) as entries:
        yield entries


# --- what passes and what fails ------------------------------------------------------


def test_ops_that_keep_the_laws_pass():
    done = check("sin", "cos", *QUICK)
    assert done.exit_code == 0, done.output
    both = SIN + COS
    assert f"passed: 2 ops, {2 * both} results in " in done.stdout
    assert f"{2 * both} passed, 0 failed, 0 waived, 0 not applicable" in done.stdout
    table = [line.split() for line in done.stdout.splitlines()]
    assert ["cos", str(COS), str(COS), str(2 * COS), "0", "0", "0"] in table
    assert ["all", "2", "ops", *map(str, (both, both, 2 * both, 0, 0, 0))] in table
    rows = [row[0] for row in table if row]
    assert rows.index("cos") < rows.index("sin")


def test_a_failure_is_told_in_full(scaled_sin):
    done = check("scaled_sin", "--law", "oracle", "--seed", 3)
    assert done.exit_code == 1
    told = done.stdout
    for line in (
        "FAILED scaled_sin[0]-oracle\n",
        "  sample     0: Sample(float64[2, 3])\n",
        "  result     gradient of x\n",
        " relative, allowed 1e-10\n",
        "  cause      probably: scaled by 1.01\n",
        # By its name no other process finds what this one registered.
        f"  reproduce  plugrad check {wrong_ops.__name__}:ScaledSin --law oracle --sample 0 ",
        "FAILED: 1 op, 2 results in ",
    ):
        assert line in told
    for name in ("worst at   [", "expected   ", "got        ", "error      "):
        assert f"\n  {name}" in told


def test_the_line_that_reproduces_does(scaled_sin):
    first = check("scaled_sin", "--law", "oracle", "--seed", 3).stdout
    line = next(line for line in first.splitlines() if "reproduce" in line and "sample 1" in line)
    again = check(*line.split()[3:]).stdout
    assert line in again

    def fact(text, name):
        section = text[text.index("FAILED scaled_sin[1]") :]
        return next(one for one in section.splitlines() if one.startswith(f"  {name}"))

    assert fact(again, "got") == fact(first, "got")


def test_both_jacobians_are_shown(scaled_sin):
    done = check("scaled_sin", "--law", "numeric", "--sample", 1)
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("  Jacobian expected"))
    expected, got = lines[start + 1 : start + 5], lines[start + 6 : start + 10]
    for i, (right, wrong) in enumerate(zip(expected, got, strict=True)):
        wanted, found = float(right.split()[i]), wrong.split()[i]
        assert found.endswith("*")
        assert float(found[:-1]) == pytest.approx(1.01 * wanted, rel=1e-3)
        assert wrong.count("*") == 1


def test_many_failures_of_an_op_are_a_line_each(scaled_sin):
    laws = ("oracle", "sizes", "numeric")
    done = check("scaled_sin", *(part for law in laws for part in ("--law", law)))
    assert done.stdout.count("\nFAILED scaled_sin[") == 3
    assert "\nmore failures of scaled_sin (3):\n" in done.stdout
    assert "\n  scaled_sin[1]-oracle: not torch's gradient: " in done.stdout
    verbose = check("scaled_sin", "-v", *(part for law in laws for part in ("--law", law)))
    assert verbose.stdout.count("\nFAILED scaled_sin[") == 6
    assert "more failures" not in verbose.stdout


def test_an_op_that_gives_no_result_fails():
    with wrong_ops.registered(wrong_ops.Sampleless):
        done = check("sampleless", "--law", "oracle")
    assert done.exit_code == 1
    assert "nothing was checked: the op has no samples" in done.stdout


def test_a_pack_is_all_its_ops():
    with wrong_ops.registered(wrong_ops.ScaledSin, wrong_ops.NanSqrt, pack="wrong"):
        done = check("wrong::", "--law", "oracle")
    assert done.exit_code == 1
    assert "FAILED: 2 ops, 3 results" in done.stdout
    assert "got        nan\n" in done.stdout


def test_reasons_are_counted():
    done = check("sin", "--law", "non-differentiable")
    assert done.exit_code == 0, done.output
    told = f"\nnot applicable ({SIN}):\n      {SIN}  every input is floating or complex"
    assert told in done.stdout
    verbose = check("sin", "--law", "non-differentiable", "--verbose")
    assert f"      {SIN}  non-differentiable: every input" in verbose.stdout


def test_ops_that_pass_have_no_row_among_many(scaled_sin):
    names = [entry.name for entry in registry if entry.declaration.elementwise][:20]
    done = check("scaled_sin", *names, "--law", "name", "--law", "oracle", "--jobs", 1)
    rows = {line.split()[0] for line in done.stdout.splitlines() if line}
    assert "scaled_sin" in rows
    assert not rows & set(names)
    assert "all 21 op" in done.stdout


# --- what is written -----------------------------------------------------------------


def test_the_reports_agree(scaled_sin, tmp_path):
    files = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "html")}
    options = (part for name, path in files.items() for part in (f"--{name}", path))
    done = check("scaled_sin", "sin", *QUICK, *options)
    assert done.exit_code == 1
    told = json.loads(files["json"].read_text())
    assert told["passed"] is False
    assert told["totals"] == {
        "results": 2 * SIN + 4, "passed": 2 * SIN + 2, "failed": 2, "warning": 0, "waived": 0,
        "not applicable": 0,
    }  # fmt: skip
    failed = [result for result in told["results"] if result["status"] == "failed"]
    assert [result["id"] for result in failed] == ["scaled_sin[0]-oracle", "scaled_sin[1]-oracle"]
    assert failed[0]["mismatch"]["cause"] == "scaled by 1.01"
    suites = ET.parse(files["junit"]).getroot()
    assert suites.attrib["failures"] == "2"
    assert "scaled_sin[0]-oracle" in files["html"].read_text(encoding="utf-8")


def test_json_alone_on_standard_output():
    done = check("sin", *QUICK, "--json", "-")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["passed"] is True
    assert "passed: 1 op" in done.stderr


# --- bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sni"], "Error: there is no op named 'sni'\n  fix: did you mean sin"),
        (["plugrda::"], "Error: no pack named 'plugrda' is installed\n  fix: did you mean plugrad"),
        (["sin", "--law", "orcale"], "Error: there is no law 'orcale'\n  fix: did you mean oracle"),
        (["sin", "--jobs", "0"], "0 processes check nothing\n  fix: give at least 1"),
        (["sin", "--seed", "-1"], "-1 is not a seed\n  fix: "),
        (["sin", "--time-limit", "-1"], "-1 s is not a time limit\n  fix: "),
        (["sin", "--time-limit", "nan"], "nan s is not a time limit\n  fix: "),
        (["sin", "--device", "abacus"], "'abacus' is not a device"),
        (
            ["sin", "--sample", "99"],
            f"there is no sample 99: sin has {SIN}\n  fix: give one from 0 to {SIN - 1}",
        ),
        (
            ["sin", "cos", "--sample", "-1"],
            f"there is no sample -1: no op has more than {max(SIN, COS)}",
        ),
        (["sin", "--json", "nowhere/at/all.json"], "can't be written: No such file or directory"),
        (["sin", "--junit", "."], "can't be written: it is a folder"),
        (["sin", "--html", "nowhere/r.html"], "can't be written: No such file or directory"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    done = check(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert done.stdout == ""


def test_help_has_examples_a_line_each():
    done = check("--help")
    assert done.exit_code == 0
    assert "\n  plugrad check               every registered op\n" in done.stdout
    assert "\n  plugrad check sin --law oracle --law second-order\n" in done.stdout


def test_html_needs_jinja2(monkeypatch, tmp_path):
    from plugrad.cli import extras

    find = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "jinja2" else find(name))
    done = check("sin", "--html", tmp_path / "report.html")
    assert done.exit_code == 1
    assert not (tmp_path / "report.html").exists()


# --- Ctrl-C --------------------------------------------------------------------------


def test_ctrl_c_prints_what_is_known(scaled_sin):
    before = signal.getsignal(signal.SIGINT)
    with wrong_ops.registered(wrong_ops.Interrupting):
        done = check("interrupting", "scaled_sin", "--law", "untracked", "--jobs", 1)
    assert done.exit_code == 130
    assert "interrupted after " in done.stdout
    assert signal.getsignal(signal.SIGINT) is before
    # The second one, in the recorded call, did not wait; nothing of the next op is known.
    assert "scaled_sin" not in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_ends_the_workers_too(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "plugrad", "check", "--jobs", "2", "--json", "report.json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(12)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, output + errors
    assert time.monotonic() - started < 20
    warned = [line for line in errors.splitlines() if line.startswith("[W")]  # by torch's C++
    assert errors.splitlines() == warned
    assert "interrupted after " in output
    assert json.loads((tmp_path / "report.json").read_text())["interrupted"] is True


# --- as a user -----------------------------------------------------------------------


@pytest.mark.slow
def test_two_processes_and_a_pipe():
    done = as_a_user("sin", "cos", "--jobs", "2", "--json", "-", *QUICK)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ops"] == ["cos", "sin"]
    assert told["totals"]["passed"] == 2 * (SIN + COS)
    assert [r["op"] for r in told["results"]] == ["cos"] * 2 * COS + ["sin"] * 2 * SIN
    assert "passed: 2 ops" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
    assert done.stderr.isascii()


@pytest.mark.slow
def test_an_unknown_op_has_status_2():
    done = as_a_user("sni")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: there is no op named 'sni'\n  fix: did you mean sin")
