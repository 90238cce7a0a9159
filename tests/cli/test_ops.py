"""``plugrad ops`` as a user runs it."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from typer.testing import CliRunner

import plugrad as pg
from plugrad.cli.app import app
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.plugins.bad_packs import BAD_PACKS
from plugrad.tests.plugins.site import Site, pack_of


def ops(*arguments):
    return CliRunner().invoke(app, ["ops", *arguments])


def test_each_op_has_a_line(no_packs):
    done = ops("--pack", "plugrad")
    assert done.exit_code == 0
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["op", "pack", "category", "formula"]
    names = [line.split()[0] for line in lines]
    assert names == sorted(names)
    assert names == [entry.name for entry in pg.registry if entry.pack == "plugrad"]
    sin = " ".join(lines[names.index("sin")].split())
    assert sin == "sin plugrad elementwise y = sin(x), x in radians; gx = gy conj(cos(x))."


def test_a_pipe_gets_plain_text(no_packs):
    assert ops("--pack", "plugrad").stdout.isascii()
    assert "\x1b" not in ops("--pack", "plugrad").stdout


def test_json(no_packs):
    done = ops("--pack", "plugrad", "--json")
    told = {op["name"]: op for op in json.loads(done.stdout)}
    assert len(told) == sum(entry.pack == "plugrad" for entry in pg.registry)
    clamp = told["clamp"]
    assert clamp["qualified_name"] == "plugrad::clamp"
    assert clamp["category"] == "elementwise"
    assert clamp["module"] == "plugrad.ops.elementwise.clamp"
    assert clamp["file"].endswith("clamp.py")
    assert clamp["methods"] == ["clamp", "clip"]
    assert "torch.clamp" in clamp["overrides"]
    signature = "clamp(x: Tensor, min: Tensor | None = None, max: Tensor | None = None) -> Tensor"
    assert clamp["signature"] == signature
    assert clamp["flags"]["broadcasts"] is True
    assert told["H"]["properties"] == ["H"]
    assert told["float"]["flags"]["composite"] is True
    assert told["eq"]["flags"]["differentiable"] is False


def test_an_unknown_pack_is_refused(no_packs):
    done = ops("--pack", "plugrd")
    assert done.exit_code == 2
    assert "no pack named 'plugrd' is installed" in done.stderr
    assert "fix: did you mean plugrad?" in done.stderr


def test_packs(tmp_path):
    site = Site(tmp_path)
    site.install("sea", "print('waves')\n" + pack_of("wave"))
    site.install("bad", BAD_PACKS["raises on import"][0])
    everything, one, bad = site_commands(site, "ops --json", "ops --pack sea", "ops --pack bad")
    assert everything[0] == 0
    told = {op["name"]: op for op in json.loads(everything[1])}  # "waves" is no part of it
    assert told["sea::wave"]["pack"] == "sea"
    assert told["sea::wave"]["methods"] == ["wave"]
    assert "sin" in told
    assert "Warning: the pack bad of bad 1.0 is set aside: ZeroDivisionError" in everything[2]
    assert one[1].splitlines()[1].split()[:3] == ["sea::wave", "sea", "-"]
    assert bad[0] == 2
    assert "the pack bad is set aside" in bad[2]
