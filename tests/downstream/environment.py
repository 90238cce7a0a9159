"""The virtual environment with the packages: made once, and again when a pin changes."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from plugrad.tests import checkout
from plugrad.tests.downstream.packages import REQUIREMENTS

DEFAULT = checkout.ROOT / ".venv-downstream"
_STAMP = "installed.txt"


def prepare(folder: Path) -> Path:
    """The Python of an environment that has what requirements.txt pins, and what plugrad needs.

    Raises:
        subprocess.CalledProcessError: pip could not install it.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, wanted = folder / _STAMP, _fingerprint()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    if not python.is_file():
        _run(sys.executable, "-m", "venv", str(folder))
    constraints = folder / "constraints.txt"
    constraints.write_text(constraints_beside_pins(), encoding="utf-8")
    pip = (str(python), "-m", "pip", "install", "--quiet", "-c", str(constraints))
    # What plugrad needs, torch first; then the packages and no dependency that is not pinned
    # here, lest one of them brings another torch.
    _run(*pip, *checkout.PYPROJECT["project"]["dependencies"])
    _run(*pip, "--no-deps", "-r", str(REQUIREMENTS))
    stamp.write_text(wanted, encoding="utf-8")
    return python


def constraints_beside_pins() -> str:
    """constraints.txt without what requirements.txt pins otherwise."""
    pinned = {name_of(line) for line in pins() if "==" in line}
    lines = (checkout.ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if name_of(line) not in pinned) + "\n"


def pins() -> list[str]:
    """The lines of requirements.txt that are not comments."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]


def name_of(line: str) -> str:
    """The distribution that a line of a requirements file is about, as pip compares names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[=; @<>#]", line)[0]).lower()


def _fingerprint() -> str:
    text = constraints_beside_pins() + "\n".join(pins()) + sys.version
    return hashlib.sha256(text.encode()).hexdigest()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
