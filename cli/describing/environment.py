"""environment: versions, extras and settings of the place where plugrad runs."""

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
    """Whether torch is too old for plugrad."""
    import torch
    from packaging.specifiers import SpecifierSet

    needed = _torch()
    version = torch.__version__.partition("+")[0]
    if not SpecifierSet(needed).contains(version, prereleases=True):
        yield Finding(
            f"torch {torch.__version__} is installed, but plugrad needs torch{needed}",
            _folder(torch),
            f"pip install 'torch{needed}'",
        )


def _torch() -> str:
    """The versions of torch that plugrad supports: ``>=2.6``."""
    from packaging.requirements import Requirement

    requirements = map(Requirement, _required())
    return next((str(r.specifier) for r in requirements if r.name == "torch"), "")


def _required(distribution: str = "plugrad") -> list[str]:
    try:
        return metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:  # plugrad itself may be run from its sources
        return []


def _extras() -> dict[str, list[str]]:
    """The extras of plugrad, each with its requirements that are not met."""
    extras = dict.fromkeys(name for text in _required() for name in _EXTRA.findall(text))
    return {extra: sorted(set(_lacks("plugrad", extra, set()))) for extra in extras}


def _lacks(distribution: str, extra: str, seen: set[tuple[str, str]]) -> Iterator[str]:
    """The requirements of an extra, and of the extras that it names, that are not met."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    if (distribution, extra) in seen:
        return
    seen.add((distribution, extra))
    for requirement in map(Requirement, _required(distribution)):
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            continue  # it is required without the extra too
        if not marker.evaluate({"extra": extra}):
            continue
        version = _version(requirement.name)
        if version is None:
            yield requirement.name
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name}{requirement.specifier} (is {version})"
        for named in requirement.extras:
            yield from _lacks(canonicalize_name(requirement.name), named, seen)


def _version(distribution: str) -> str | None:
    """The installed version; plugrad's own is the one that is running."""
    if distribution == "plugrad":
        return plugrad.__version__
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


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
