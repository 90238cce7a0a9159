"""This checkout: its files, those of the package among them, and copies of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from plugrad.tests.python_process import python

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

#: Folders at the root that no wheel of plugrad holds. A pack is a distribution of its own.
NOT_SHIPPED = frozenset({"benchmarks", "docs", "examples", "packs", "tests"})


def files():
    """Every file that a commit of the tree as it is would hold, relative to the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:  # a copy of the tree that is no repository
        paths = {path.relative_to(ROOT) for path in ROOT.rglob("*")}
        paths = {path for path in paths if not any(part[0] == "." for part in path.parts)}
    else:  # git also lists what is deleted and not yet committed
        paths = {Path(name) for name in listed.stdout.split("\0") if name}
    return sorted(path for path in paths if (ROOT / path).is_file())


def package_files():
    """Those that belong to the package: its modules, what they read, the mark of types."""
    return [
        path
        for path in files()
        if (
            path.suffix in {".py", ".pyi", ".css", ".html", ".jinja", ".js", ".json"}
            or path.name == "py.typed"
        )
        and path.parts[0] not in NOT_SHIPPED
        and not path.parts[0].startswith(".")
    ]


def copy_to(folder):
    """Copy the tree, as a fresh clone would have it, to ``folder``."""
    for path in files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, target)
    return folder


def run_in(copy, *command):
    """Run ``python *command`` in ``copy``, and have it find that copy as plugrad."""
    unwanted = {"PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTHONPATH"}
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    with TemporaryDirectory() as path:
        (Path(path) / "plugrad").symlink_to(copy, target_is_directory=True)
        return python(*command, cwd=copy, env={**environment, "PYTHONPATH": path})
