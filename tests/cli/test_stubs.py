"""``plugrad stubs`` as a user runs it, and what mypy makes of it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
import torch
from typer.testing import CliRunner

import plugrad as pg
from plugrad.cli.app import app
from plugrad.plugins.absent import AbsentOp
from plugrad.tests import checkout
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.installed import needs_pinned_torch
from plugrad.tests.plugins.site import IMPORTS, Site, hook

STUB = Path("plugrad-stubs") / "core" / "attached_methods.pyi"

SEA = (
    "from __future__ import annotations\nfrom torch import Tensor\n"
    + IMPORTS
    + '''
@pg.op("wave")
class Wave(pg.Function):
    """z = x sin(n y)."""

    @staticmethod
    def forward(ctx: pg.Context, x: Tensor, y: Tensor, n: int = 1) -> Tensor:
        return x * (n * y).sin()

    @staticmethod
    def backward(ctx, gz): ...

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))
'''
    + hook("Wave")
)

RIGHT = """\
import torch
from typing_extensions import assert_type

import plugrad as pg

x = pg.Variable(torch.rand(3), requires_grad=True)
assert_type(x.sin(), pg.Variable)
assert_type(x.wave(x), pg.Variable)
assert_type(x.sea.wave(torch.rand(3), n=2), pg.Variable)
assert_type(2 * x @ x.T + 1 - x**2 / 3, pg.Variable)
assert_type(x == 0, pg.Variable)
assert_type(x.chunk(3), tuple[pg.Variable, ...])
assert_type(x.sum(dim=(0, 1), keepdim=True).T, pg.Variable)
assert_type(x[0].reshape(2, 3).reshape((2, 3)), pg.Variable)
assert_type(x.clamp(min=0.0), pg.Variable)
assert_type(pg.Parameter(torch.rand(3)).exp(), pg.Variable)
x.backward()
"""

#: Each wrong line, and what mypy says of it.
WRONG = {
    "x.sinn()": 'has no attribute "sinn"',
    'x.sum(dim="a")': 'incompatible type "str"',
    "x.sin(1)": "Too many arguments",
    "x.transpose(0)": 'Missing positional argument "dim1"',
    'x + "a"': "Unsupported operand types",
    "x.wave(x, n=1.5)": 'incompatible type "float"; expected "int"',
    "x.wave(2.0)": 'incompatible type "float"',  # torch.Tensor.sin is what it calls
    "x.sea.wvae(x)": 'has no attribute "wvae"',
}


def stubs(*arguments):
    return CliRunner().invoke(app, ["stubs", *map(str, arguments)])


def test_it_writes_a_partial_package(no_packs, tmp_path):
    done = stubs("--output", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "plugrad-stubs" / "py.typed").read_text() == "partial\n"
    text = (tmp_path / STUB).read_text(encoding="utf-8")
    assert "    def sin(self) -> Variable:\n" in text
    assert "__getattr__" not in text
    assert done.stdout.splitlines()[1] == f"wrote {tmp_path / STUB}"
    assert stubs("--output", tmp_path).stdout.splitlines()[1] == f"fresh {tmp_path / STUB}"


def test_other_names_may_be_accepted(no_packs, tmp_path):
    stubs("--output", tmp_path, "--others")
    assert "def __getattr__(self, name: str) -> Any" in (tmp_path / STUB).read_text()


def test_check_tells_whether_it_is_fresh(no_packs, tmp_path):
    done = stubs("--output", tmp_path, "--check")
    assert done.exit_code == 1
    told = f"{tmp_path / STUB} is missing\n  fix: plugrad stubs --output {tmp_path}\n"
    assert told in done.stderr
    assert not (tmp_path / STUB).exists()
    stubs("--output", tmp_path)
    fresh = stubs("--output", tmp_path, "--check")
    assert (fresh.exit_code, fresh.stdout) == (0, "fresh\n")
    (tmp_path / STUB).write_text("old")
    done = stubs("--output", tmp_path, "--check")
    assert (done.exit_code, (tmp_path / STUB).read_text()) == (1, "old")
    assert f"{tmp_path / STUB} is not fresh" in done.stderr


@needs_pinned_torch
def test_the_fix_of_a_check_repeats_the_options(no_packs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = stubs("--output", "my typings", "--others", "--check")
    assert "\n  fix: plugrad stubs --output 'my typings' --others\n" in done.stderr
    stubs("--output", "my typings", "--others")
    assert stubs("--output", "my typings", "--others", "--check").exit_code == 0
    (tmp_path / "core").mkdir()
    monkeypatch.setattr("plugrad.cli.stubs._package", lambda: tmp_path)
    (tmp_path / "pyproject.toml").touch()
    done = stubs("--builtins", "--check")
    assert "\n  fix: plugrad stubs --builtins\n" in done.stderr


@pytest.mark.parametrize("name", [STUB, STUB.parent.parent / "py.typed"])
def test_what_it_did_not_write_is_not_overwritten(no_packs, tmp_path, name):
    stubs("--output", tmp_path)
    for text in ("# mine\nclass A: ...\n", ""):
        (tmp_path / name).write_text(text)
        done = stubs("--output", tmp_path)
        assert done.exit_code == 2
        assert f"{tmp_path / name} was not written by plugrad stubs" in done.stderr
        assert "\n  fix: name another folder, or delete the file\n" in done.stderr
        assert (tmp_path / name).read_text() == text
    (tmp_path / name).unlink()
    assert stubs("--output", tmp_path).exit_code == 0
    old = (tmp_path / STUB).read_text()
    (tmp_path / STUB).write_text(old.replace("def sin(", "def sine("))
    assert stubs("--output", tmp_path).exit_code == 0
    assert (tmp_path / STUB).read_text() == old


def test_the_built_in_ops_stub_is_not_written_without_one_of_them(no_packs, monkeypatch):
    absent = AbsentOp("soften", ("soften",), (), "torch.soften", "soften.py, line 9")
    monkeypatch.setattr(pg.registry, "absent", {"soften": absent})
    done = stubs("--builtins", "--check")
    assert done.exit_code == 2
    assert f"soften is absent: torch {torch.__version__} does not have torch.soften" in done.stderr
    assert "\n  where: soften.py, line 9\n" in done.stderr
    assert "\n  fix: run it with the torch of constraints.txt\n" in done.stderr


@pytest.mark.skipif(
    any(op.methods for op in pg.registry.absent.values()), reason="this torch lacks a method"
)
def test_the_built_in_ops_stub_is_fresh():
    done = stubs("--builtins", "--check")
    assert done.exit_code == 0, done.output


def test_wrong_commands_exit_with_2(no_packs, tmp_path, monkeypatch):
    done = stubs("--builtins", "--output", tmp_path)
    assert done.exit_code == 2
    assert "fix: leave --output and --others out" in done.output
    (tmp_path / "file").write_text("")
    done = stubs("--output", tmp_path / "file")
    assert done.exit_code == 2
    assert "can't be written: Not a directory" in done.output
    assert "fix: name a folder that you may write to" in done.output
    monkeypatch.setattr("plugrad.cli.stubs._package", lambda: tmp_path)
    done = stubs("--builtins")
    assert done.exit_code == 2
    assert "is not a checkout of plugrad" in done.output


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with plugrad, a pack and what ``plugrad stubs`` writes."""
    folder = tmp_path_factory.mktemp("typed")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    print_site = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.check_output([python, "-c", print_site], text=True).strip())
    # mypy sees no editable install: this is how plugrad looks when its wheel is installed.
    (packages / "plugrad").symlink_to(checkout.ROOT, target_is_directory=True)
    (packages / "rest.pth").write_text(sysconfig.get_path("purelib") + "\n")
    site = Site(folder)
    site.install("sea", SEA)
    ((status, _, errors),) = site_commands(site, f"stubs --output {packages}")
    assert status == 0, errors
    return folder, python


def mypy(environment, code):
    pytest.importorskip("mypy")
    folder, python = environment
    (folder / "user.py").write_text(code)
    options = ["--strict", "--config-file=", f"--cache-dir={folder / 'cache'}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--python-executable", python, "user.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_mypy_knows_every_method(environment):
    status, output = mypy(environment, RIGHT)
    assert status == 0, output


@pytest.mark.slow
def test_mypy_refuses_what_is_wrong(environment):
    head = "import torch\nimport plugrad as pg\nx = pg.Variable(torch.rand(3))\n"
    status, output = mypy(environment, head + "\n".join(WRONG) + "\n")
    assert status == 1
    lines = [line for line in output.splitlines() if ": error: " in line]
    told = {int(line.split(":")[1]) - 4: line for line in lines}
    assert sorted(told) == list(range(len(WRONG))), output
    for number, expected in enumerate(WRONG.values()):
        assert expected in told[number]


@pytest.mark.slow
def test_without_stubs_a_packs_methods_are_any(environment):
    folder, _ = environment
    packages = next((folder / "venv").rglob("plugrad-stubs"))
    packages.rename(folder / "away")
    try:
        code = RIGHT.replace(
            "assert_type(x.wave(x), pg.Variable)\n",
            "from typing import Any\n"
            "assert_type(x.wave(x), Any)\nassert_type(x.sea.wave(3), Any)\n",
        ).replace("assert_type(x.sea.wave(torch.rand(3), n=2), pg.Variable)\n", "")
        status, output = mypy(environment, code)
        assert status == 0, output
    finally:
        (folder / "away").rename(packages)
