"""What pyproject.toml says is what the tree holds."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import plugrad as pg
from plugrad.tests import checkout
from plugrad.tests.python_process import fresh_python

PROJECT = checkout.PYPROJECT["project"]
SETUPTOOLS = checkout.PYPROJECT["tool"]["setuptools"]


def test_the_packages_listed_are_the_folders():
    folders = {path.parent for path in checkout.package_files()}
    expected = {".".join(["plugrad", *folder.parts]) for folder in folders}
    listed = SETUPTOOLS["packages"]
    assert listed == sorted(expected), "list every folder in pyproject.toml, tool.setuptools"


def test_every_package_folder_is_a_package():
    for folder in {path.parent for path in checkout.package_files()}:
        assert (checkout.ROOT / folder / "__init__.py").is_file(), folder


def test_no_name_at_the_root_is_one_of_the_standard_library():
    # `python -m pytest` and `python` itself look in the current folder first.
    names = {path.parts[0].removesuffix(".py") for path in checkout.files()}
    assert not names & sys.stdlib_module_names


def test_no_module_is_made_to_be_run_as_a_file():
    # Its folder would come first on sys.path, and ops are called select, trace, chunk.
    for path in checkout.package_files():
        if path.name != "__main__.py":
            text = (checkout.ROOT / path).read_text(encoding="utf-8")
            assert "if __name__ ==" not in text, f"{path}: run it with python -m"


def test_the_version_is_said_once_and_again():
    assert pg.__version__ == PROJECT["version"]
    changelog = (checkout.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{PROJECT['version']}]" in changelog


def requirements():
    extras = PROJECT["optional-dependencies"].values()
    return [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]


def test_ci_pins_every_dependency():
    text = (checkout.ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==\S+", text, flags=re.MULTILINE))
    wanted = {re.match(r"[\w-]+", line)[0].lower() for line in requirements()}
    assert wanted - {"plugrad"} <= pinned


def test_the_core_dependencies_are_three():
    names = {re.match(r"[\w-]+", line)[0] for line in PROJECT["dependencies"]}
    assert names == {"torch", "pluggy", "typing-extensions"}


WITHOUT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {extras}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
import torch
import plugrad as pg

x = pg.Variable(torch.tensor(2.0), requires_grad=True)
(x * x).backward()
assert x.grad.item() == 4
asked = {extras} & set(sys.modules)
assert not asked, asked
"""


def test_the_core_needs_no_extra(tmp_path):
    extras = {"matplotlib", "numpy", "pytest", "rich", "scipy", "sklearn", "typer"}
    code = WITHOUT.format(extras=extras)
    done = fresh_python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [".typing/plugrad", ".venv/x", "plugrad.egg-info/x", "build/x"])
def test_what_tools_make_at_the_root_is_ignored_by_git(name):
    # All of it stands inside the package's own folder.
    done = subprocess.run(["git", "check-ignore", "-q", name], cwd=checkout.ROOT, check=False)
    assert done.returncode == 0
