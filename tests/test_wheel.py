"""The wheel: it holds the package and nothing else, and works where only it is installed."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from plugrad.tests import checkout
from plugrad.tests.cli.author_environment import dependencies, link, unconfigured_pip

pytestmark = pytest.mark.slow

ONE_BACKWARD = """
import importlib.util, pathlib, sys
import torch
import plugrad as pg

assert pathlib.Path(pg.__file__).is_relative_to(sys.prefix), pg.__file__
assert importlib.util.find_spec("numpy") is None
x = pg.Variable(torch.tensor([0.5, 1.0]), requires_grad=True)
(x.sin() * x).backward(torch.ones(2))
torch.testing.assert_close(x.grad.data, x.data.cos() * x.data + x.data.sin())
print(len(pg.registry))
"""


def run(*command, **options):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build it as for a release: a source distribution of a clean tree, the wheel from that."""
    tree = checkout.copy_to(tmp_path_factory.mktemp("tree") / "any-name")
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, tree)
    (built,) = dist.glob("*.whl")
    return built


def test_it_holds_exactly_the_packages_files(wheel):
    names = [name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name]
    files = [f"plugrad/{path.as_posix()}" for path in checkout.package_files()]
    assert sorted(names) == sorted([*files, "plugrad_command.py", "pytest_plugrad.py"])
    wanted = ("py.typed", "core/attached_methods.pyi", "cli/describing/wrong_ops.json")
    assert {f"plugrad/{name}" for name in wanted} <= set(names)


def test_its_metadata_names_licence_and_command(wheel):
    archive = ZipFile(wheel)
    names = {name.partition(".dist-info/")[2] for name in archive.namelist()}
    assert "licenses/LICENSE" in names
    (entry_points,) = [n for n in archive.namelist() if n.endswith("entry_points.txt")]
    assert "plugrad = plugrad_command:main" in archive.read(entry_points).decode()


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Install it into a fresh environment that has its declared dependencies and no more.

    They are links to the ones installed here: torch alone has 700 MB. pip finds them
    by their metadata, so it would miss one that is not there.
    """
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    print_site = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", print_site).strip())
    for name in dependencies(checkout.PYPROJECT["project"]["dependencies"]):
        link(name, site)
    run(python, "-m", "pip", "install", "--no-index", wheel, env=unconfigured_pip())
    return python


def test_it_runs_outside_the_checkout(python, tmp_path):
    import plugrad as pg

    assert run(python, "-c", ONE_BACKWARD, cwd=tmp_path).strip() == str(len(pg.registry))


def test_its_command_says_what_is_missing(python, tmp_path):
    command = [str(python.with_name("plugrad")), "demo"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "fix: pip install 'plugrad[demo]'" in done.stderr
