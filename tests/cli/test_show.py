"""``plugrad show`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from typer.testing import CliRunner

import plugrad as pg
from plugrad.cli import last_check
from plugrad.cli.app import app
from plugrad.tests.cli import wrong_ops
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.plugins.site import Site, pack_of


def run(*arguments):
    return CliRunner().invoke(app, arguments)


def rows(output):
    """The lines ``title  text`` by their titles."""
    return {line[:12].strip(): line[12:] for line in output.splitlines() if line[:1].strip()}


def test_an_op(no_packs):
    done = run("show", "clamp")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "clamp, of the pack plugrad"
    assert lines[2].startswith("  y = ")
    told = rows(done.stdout)
    assert told["signature"].startswith("clamp(x: Tensor, min: Tensor | None = None")
    file, _, line = told["source"].rpartition(":")
    assert Path(file).samefile(Path(pg.__file__).parent / "ops" / "elementwise" / "clamp.py")
    assert Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1].startswith("@op(")
    assert told["methods"] == "x.clamp(), x.clip()"
    assert "torch.clamp" in told["overrides"]
    assert "broadcasts" in told["flags"]
    assert told["last check"] == "never on this machine"
    count = int(told["samples"])
    calls = [line.strip() for line in lines if line.startswith("  clamp(")]
    assert len(calls) == count > 3
    assert "clamp(float64[3, 4], max=0.5)" in calls or any("max=" in call for call in calls)


def test_operators_properties_and_waivers(no_packs):
    assert rows(run("show", "add").stdout)["methods"] == "x.add(), __add__, __radd__"
    transposed = rows(run("show", "numpy_T").stdout)
    assert (transposed["methods"], transposed["properties"]) == ("none", "x.T")
    waiving = next(e for e in pg.registry if e.declaration.waives and e.rank == 0)
    law, reason = next(iter(waiving.declaration.waives.items()))
    assert f"{law}: {reason}" in rows(run("show", waiving.name).stdout)["waives"]


def test_the_last_check(no_packs, monkeypatch):
    run("check", "sin", "--seed", "5")
    told = rows(run("show", "sin").stdout)["last check"]
    assert told.startswith("passed ")
    assert ", seed 5, cpu, torch 2." in told
    assert "changed" not in told
    monkeypatch.setattr(last_check, "_hash", lambda entry: "another")
    assert rows(run("show", "sin").stdout)["last check"].endswith("; changed since: its source")


def test_a_failed_check(no_packs):
    with wrong_ops.registered(wrong_ops.ScaledSin):
        run("check", "scaled_sin")
        told = rows(run("show", "scaled_sin").stdout)["last check"]
    assert told.startswith("FAILED ")
    assert "oracle" in told


def test_json(no_packs):
    run("check", "sin")
    told = json.loads(run("show", "sin", "--json").stdout)
    assert told["qualified_name"] == "plugrad::sin"
    assert told["formula"].startswith("y = sin(x)")
    assert "sin(float64[3, 4])" in told["samples"]
    assert told["samples_error"] is None
    assert told["last_check"]["failed"] == []
    assert told["last_check"]["changed_since"] == []


@pytest.mark.parametrize(
    ("function", "way", "text"),
    [
        ("torch.sin", "op", "the op sin stands for it"),
        ("torch.numel", "variable", "a method of Variable itself stands for it"),
        ("torch.Tensor.storage", "refused", "it does not take Variables"),
        (
            "torch.nn.functional.local_response_norm",
            "composite",
            "no op stands for it: torch's own ",
        ),
        ("torch.cov", "composite", "no op stands for it: torch's own implementation runs"),
        ("torch.special.bessel_j1", "missing", "no op stands for it or for its primitive: "),
    ],
)
def test_which_way_a_torch_function_goes(no_packs, function, way, text):
    done = run("show", function)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{function}: {text}")
    told = json.loads(run("show", function, "--json").stdout)
    assert (told["function"], told["way"]) == (function, way)
    assert told["op"] == ("sin" if way == "op" else None)


def test_the_primitives_of_a_torch_function(no_packs):
    lines = run("show", "torch.cov").stdout.splitlines()
    assert lines[1:] == ["  aten.cov.default: a composite"]
    lines = run("show", "torch.special.bessel_j1").stdout.splitlines()
    assert lines[1:] == ["  aten.special_bessel_j1.default: no op"]


def test_a_function_that_torch_lacks(no_packs):
    done = run("show", "torch.covv")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: torch has no function torch.covv\n  fix: write it as in")


def test_an_unknown_op_is_refused(no_packs):
    done = run("show", "sine")
    assert done.exit_code == 2
    assert "there is no op named 'sine'" in done.stderr
    assert "fix: did you mean" in done.stderr
    assert "plugrad ops lists them" in done.stderr


def test_a_packs_name_is_no_ops(no_packs):
    with wrong_ops.registered(wrong_ops.ScaledSin, pack="wrong"):
        done = run("show", "wrong")
    assert done.exit_code == 2
    assert "fix: plugrad ops --pack wrong lists the ops of the pack" in done.stderr


def test_an_op_of_a_pack_with_broken_samples(tmp_path):
    site = Site(tmp_path)
    site.install("sea", pack_of("wave").replace("yield Sample(make(3, 2))", "yield 1 / 0"))
    plain, qualified = site_commands(site, "show wave", "show sea::wave")
    assert plain == qualified
    assert plain[0] == 0
    told = rows(plain[1])
    assert told["methods"] == "x.wave(), x.sea.wave()"
    assert told["samples"] == "0"
    assert "  then it raises ZeroDivisionError: division by zero\n" in plain[1]
