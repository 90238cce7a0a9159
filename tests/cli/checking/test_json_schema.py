"""docs/reference/check.schema.json describes what ``plugrad check --json`` writes."""

from __future__ import annotations

import json
import shlex

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.cli.checking.json_report import SCHEMA, json_report
from plugrad.tests.checkout import ROOT
from plugrad.tests.cli.checking.an_outcome import outcome

DESCRIPTION = json.loads((ROOT / "docs/reference/check.schema.json").read_text(encoding="utf-8"))
TYPES = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "number": int | float,
    "object": dict,
    "string": str,
}


def faults(value, schema, where="report"):
    """What of ``value`` is not as ``schema`` says, with the words of JSON Schema that it uses."""
    known = {"$defs", "$ref", "$schema", "anyOf", "const", "description", "enum", "items"}
    known |= {"minimum", "properties", "required", "title", "type"}
    assert schema.keys() <= known, schema.keys() - known
    if "$ref" in schema:
        yield from faults(value, DESCRIPTION["$defs"][schema["$ref"].rpartition("/")[2]], where)
    if "anyOf" in schema and all(any(faults(value, s)) for s in schema["anyOf"]):
        yield f"{where}: {value!r} is none of them"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fits = any(isinstance(value, TYPES[k]) for k in kinds)
    if kinds and (not fits or (isinstance(value, bool) and "boolean" not in kinds)):
        yield f"{where}: {value!r} is not {kinds}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is not of {schema['enum']}"
    if "minimum" in schema and value is not None and value < schema["minimum"]:
        yield f"{where}: {value!r} is too small"
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), f"{where}[{i}]")
    if isinstance(value, dict) and "properties" in schema:
        properties = schema["properties"]
        # Whoever adds a field describes it; and nobody is promised one that is not there.
        if value.keys() != properties.keys() or value.keys() != set(schema["required"]):
            yield f"{where}: {value.keys() ^ properties.keys()} is only there or only described"
        for name in value.keys() & properties.keys():
            yield from faults(value[name], properties[name], f"{where}.{name}")


def test_the_version_is_the_descriptions():
    assert DESCRIPTION["properties"]["schema"]["const"] == SCHEMA


def test_every_status_and_numbers_that_json_lacks_are_described():
    assert not list(faults(json.loads(json_report(outcome())), DESCRIPTION))


KERNELS = """
import torch

class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return {slope} * gy

def twice(x):
    return 2 * x

def samples(make):
    return [make(3, dtype=torch.bfloat16), make(2, 2, dtype=torch.float32)]

SAMPLES = {{"Scaled": {{"samples": samples, "reference": twice}}}}
"""


@pytest.mark.parametrize(("slope", "status"), [(2, 0), (2.0001, 1)])
def test_a_real_report_is_as_described(slope, status, tmp_path):
    file = tmp_path / f"kernels_{status}.py"
    file.write_text(KERNELS.format(slope=slope))
    done = CliRunner().invoke(app, ["check", str(file), "--json", str(tmp_path / "report.json")])
    assert done.exit_code == status, done.output
    told = json.loads((tmp_path / "report.json").read_text())
    assert not list(faults(told, DESCRIPTION))
    verdicts = {r["sample"]: r["verdict"] for r in told["results"] if r["verdict"] is not None}
    assert verdicts == {0: "pass", 1: "fail" if status else "pass"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"passed": "yes"},
        {"seconds": -1},
        {"results": [{}]},
        {"totals": {}},
        {"schema": 2},
        {"more": 0},
    ],
)
def test_another_report_is_not_as_described(wrong):
    assert list(faults({**json.loads(json_report(outcome())), **wrong}, DESCRIPTION))


def test_strict_makes_a_warning_a_failure_and_leaves_the_verdict(tmp_path):
    file = tmp_path / "squares.py"
    file.write_text(
        "import torch\ndef square(x):\n    return x * x\n"
        "SAMPLES = {'square': {'samples': [torch.zeros(3), torch.ones(3)], 'reference': square}}\n"
    )
    law = ("--law", "kernel-numerics")
    for strict, status, code in (((), "warning", 0), (("--strict",), "failed", 1)):
        report = str(tmp_path / "report.json")
        done = CliRunner().invoke(app, ["check", f"{file}:square", *law, *strict, "--json", report])
        assert done.exit_code == code, done.output
        told = json.loads((tmp_path / "report.json").read_text())["results"]
        found = [(r["sample"], r["status"], r["verdict"]) for r in told]
        assert found == [(0, status, "inconclusive"), (1, "passed", "pass")]


def test_a_result_can_be_reproduced_with_the_samples_and_the_reference_of_the_run(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    kernel = KERNELS.format(slope=2).partition("def samples")[0]
    (tmp_path / "kernels_alone.py").write_text(kernel)
    (tmp_path / "samples of it.py").write_text(
        "import torch\ndef samples(make):\n    return [make(3)]\nSAMPLES = {'Scaled': samples}\n"
    )
    (tmp_path / "thrice.py").write_text("def thrice(x):\n    return 3 * x\n")
    options = ["--samples", "samples of it.py", "--reference", "thrice.py:thrice"]
    target = "kernels_alone.py:Scaled"
    done = CliRunner().invoke(app, ["check", target, *options, "--law", "reference"])
    assert done.exit_code == 1, done.output
    line = next(line for line in done.stdout.splitlines() if line.startswith("  reproduce"))
    command = line.removeprefix("  reproduce  plugrad ")
    assert command == (
        f"check {target} --samples 'samples of it.py' --reference thrice.py:thrice "
        "--law reference --sample 0 --seed 0"
    )
    again = CliRunner().invoke(app, shlex.split(command))
    assert again.exit_code == 1
    assert f"FAILED {target}[0]-reference" in again.stdout
