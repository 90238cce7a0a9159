"""AuthorEnvironment: a virtual environment with plugrad and the tools of a pack's author."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from plugrad.tests import checkout

#: As small as what pip makes: the module is what does the work.
SCRIPT = """#!{python}
import sys
{before}
from {module} import {function}
sys.exit({function}())
"""

#: What is not here cannot be downloaded either: pip builds with the setuptools that is here.
OFFLINE = """
if sys.argv[1:2] == ["install"]:
    sys.argv += ["--no-index", "--no-build-isolation", "--disable-pip-version-check"]
"""


class AuthorEnvironment:
    """What ``pip install 'plugrad[cli]' pytest mypy ruff`` makes, in seconds and offline.

    plugrad is installed from a wheel of this tree; the rest are links to what is installed
    here, torch alone being 700 MB. Nothing else of here is seen: no pack, above all.
    """

    def __init__(self, folder):
        venv.create(folder, symlinks=True)
        self.bin = folder / ("Scripts" if sys.platform == "win32" else "bin")
        self.python = self.bin / "python"
        print_site = "import sysconfig; print(sysconfig.get_path('purelib'))"
        found = subprocess.check_output([self.python, "-c", print_site], text=True)
        self.site = Path(found.strip())
        project = checkout.PYPROJECT["project"]
        wanted = [*project["dependencies"], *project["optional-dependencies"]["cli"]]
        for name in dependencies([*wanted, "mypy", "numpy", "pip", "pytest", "setuptools"]):
            link(name, self.site)
        self.script("pip", "pip._internal.cli.main", OFFLINE)
        self.script("pytest", "pytest")
        self.script("mypy", "mypy.__main__", function="console_entry")
        (self.bin / "ruff").symlink_to(shutil.which("ruff", path=Path(sys.executable).parent))
        tree = checkout.copy_to(folder / "tree" / "any-name")
        self.run(f"pip install --no-deps {tree}", folder)

    def script(self, name, module, before="", function="main"):
        """Make a command."""
        path = self.bin / name
        path.write_text(
            SCRIPT.format(python=self.python, module=module, before=before, function=function)
        )
        path.chmod(0o755)

    def run(self, command, folder, status=0):
        """What a line typed in a shell prints, in the activated environment."""
        unwanted = ("PYTEST_", "PYTHONPATH", "PLUGRAD_", "MYPYPATH")
        kept = {n: value for n, value in unconfigured_pip().items() if not n.startswith(unwanted)}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=kept
            | {"PATH": path, "VIRTUAL_ENV": str(self.bin.parent), "OMP_NUM_THREADS": "1"}
            | {"MYPY_CACHE_DIR": str(self.bin.parent / "mypy")},  # it reads torch once for all
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


def unconfigured_pip():
    """Return os.environ without pip's settings, so that --no-index leaves it no place to look.

    Else it may find a torch in some folder, and installs it through the links: into the
    environment that runs the tests.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return kept | {"PIP_CONFIG_FILE": os.devnull}


def dependencies(requirements):
    """Return the names of the distributions that fulfil ``requirements``, and of theirs."""
    extras_of, waiting = {}, [(Requirement(text), {""}) for text in requirements]
    while waiting:
        requirement, extras = waiting.pop()
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in extras):
            continue
        known = extras_of.setdefault(requirement.name, set())
        new = {"", *requirement.extras} - known
        known |= new
        if new:  # as in cuda-toolkit[cudart], which torch's CUDA builds need
            required = distribution(requirement.name).requires or []
            waiting += [(Requirement(text), new) for text in required]
    return set(extras_of)


def link(name, site):
    """Let ``site`` have what the distribution ``name`` installed here."""
    for file in distribution(name).files:
        top = file.parts[0]
        if top not in {"..", "__pycache__"} and not (site / top).exists():
            (site / top).symlink_to(distribution(name).locate_file(top))
