"""A setting of packs that is not understood: each command says so, and ends with status 2."""

from __future__ import annotations

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.plugins.site import Site, pack_of

#: With a name that needs no pack, with one that is missed, and without a name. (What is
#: missed warns once in a process: the first one here shows that warning.)
COMMANDS = [
    "explain nosuch",
    "check sin --law runs",
    "check cubes.py:Cube --law runs",
    "check nosuch",
    "check",
    "strength sin --fault scaled",
    "strength cubes.py:Cube --fault scaled",
    "strength nosuch",
    "ops",
    "packs",
    "packs --no-load",
    "show sin",
    "stubs --check",
    "new-op foo",
    "new-pack sea-of-foam",
    "nosuch",
]
CUBE = """
import torch

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * 3 * x * x
"""
SAMPLES = 'import torch\n\nSAMPLES = {"cubes.py:Cube": [(torch.ones(3, requires_grad=True),)]}\n'
SETTINGS = {
    "empty": ({"PLUGRAD_PACKS": ""}, None, "'' is not a valid pack selection"),
    "strict": ({"PLUGRAD_STRICT": "maybe"}, None, "PLUGRAD_STRICT is 'maybe'"),
    "toml": ({}, b"[tool.plugrad\n", "it is not TOML"),
    "a number": ({}, b"[tool.plugrad]\npacks = 3\n", "packs = 3 and strict = False are not"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_command_says_so(tmp_path, name):
    environment, project, what = SETTINGS[name]
    site = Site(tmp_path)
    site.install("sea", pack_of("wave"))  # without a pack Site decides, and no project is asked
    (site.work / "cubes.py").write_text(CUBE)
    (site.work / "plugrad_samples.py").write_text(SAMPLES)
    if project is not None:
        (site.work / "pyproject.toml").write_bytes(project)
    done = site_commands(site, *COMMANDS, **environment)
    for command, (status, output, errors) in zip(COMMANDS, done, strict=True):
        assert (status, output) == (2, ""), command
        assert what in errors, command
        assert "fix: " in errors, command
        assert "Traceback" not in errors, command
        assert "PackWarning" not in errors, command


def test_strict_is_no_traceback_either(tmp_path):
    settings = {"PLUGRAD_PACKS": "", "PLUGRAD_STRICT": "1"}
    for status, output, errors in site_commands(
        Site(tmp_path), "explain", "explain nosuch", "check nosuch", **settings
    ):
        assert (status, output) == (2, "")
        assert errors.startswith("Error: '' is not a valid pack selection\n")


def test_what_needs_no_pack_works(tmp_path):
    done = site_commands(
        Site(tmp_path), "explain no-nan", "check --help", "doctor", PLUGRAD_PACKS=""
    )
    assert [status for status, _, _ in done] == [0, 0, 1]
    assert "'' is not a valid pack selection" in done[2][1]
