"""environment: what plugrad runs in, as far as it matters to packs."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plugrad
from plugrad.cli.describing.finding import Finding
from plugrad.errors import PackSelectionError
from plugrad.plugins.selection import PackSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")


def environment() -> dict[str, Any]:
    """Versions, places and settings, as JSON can hold them."""
    import torch

    return {
        "python": {"version": platform.python_version(), "path": sys.executable},
        "torch": {"version": str(torch.__version__), "path": _folder(torch), "needed": _torch()},
        "plugrad": {"version": plugrad.__version__, "path": _folder(plugrad)},
        "system": platform.platform(),
        "extras": dict(sorted(_extras().items())),
        "settings": _settings(),
    }


def _folder(package: Any) -> str:
    return str(Path(package.__file__).resolve().parent)


def unsupported_torch() -> Iterator[Finding]:
    """What is wrong with torch: that plugrad was not made for one so old."""
    import torch
    from packaging.specifiers import SpecifierSet

    needed = _torch()
    version = torch.__version__.partition("+")[0]
    if not SpecifierSet(needed).contains(version, prereleases=True):
        yield Finding(
            f"torch {torch.__version__} is installed, and plugrad needs torch{needed}",
            _folder(torch),
            f"pip install 'torch{needed}'",
        )


def _torch() -> str:
    """The versions of torch that plugrad supports: ``>=2.6``."""
    from packaging.requirements import Requirement

    requirements = map(Requirement, _required())
    return next((str(r.specifier) for r in requirements if r.name == "torch"), "")


def _required() -> list[str]:
    try:
        return metadata.requires("plugrad") or []
    except metadata.PackageNotFoundError:  # run from its sources
        return []


def _extras() -> dict[str, list[str]]:
    """The extras, each with the distributions of it that are not installed."""
    from packaging.requirements import Requirement

    extras: dict[str, list[str]] = {}
    for text in _required():
        extra = _EXTRA.search(text)
        if extra is None:
            continue
        missing = extras.setdefault(extra[1], [])
        requirement = Requirement(text)
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": extra[1]})
        if applies and requirement.name != "plugrad" and not _installed(requirement.name):
            missing.append(requirement.name)
    return extras


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _settings() -> dict[str, Any]:
    settings: dict[str, Any] = {
        name: os.environ.get(name) for name in ("PLUGRAD_PACKS", "PLUGRAD_STRICT")
    }
    try:
        read, project = PackSettings.read(), PackSettings.of_project()
    except PackSelectionError:  # which is a finding
        return {**settings, "in force": None}
    selection = read.selection
    names = ", ".join(sorted(selection.names))
    every = {True: names or "none", False: f"all but {names}" if names else "all"}
    return {
        **settings,
        "[tool.plugrad]": project.selection.made_by.removeprefix("[tool.plugrad] of ")
        if project.selection.made_by != "the default"
        else None,
        "in force": {
            "packs": every[selection.only],
            "from": selection.made_by,
            "strict": read.strict,
        },
    }
