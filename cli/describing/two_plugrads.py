"""two_plugrads: whether more than one plugrad can be imported."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import plugrad
from plugrad.cli.describing.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator


def two_plugrads() -> Iterator[Finding]:
    """Another plugrad on the path, or the metadata of another version."""
    here = Path(plugrad.__file__).resolve().parent
    for entry in dict.fromkeys(sys.path):
        other = Path(entry or ".", "plugrad").resolve()
        if (other / "__init__.py").is_file() and other != here:
            yield Finding(
                f"there are two plugrads on the path: {here} is imported, but {other} is there too",
                f"sys.path: {entry or 'the working directory'}",
                "uninstall one of them, or remove its folder from PYTHONPATH",
            )
    try:
        stated = metadata.version("plugrad")
    except metadata.PackageNotFoundError:
        return
    if stated != plugrad.__version__:
        yield Finding(
            f"plugrad {plugrad.__version__} is imported, but plugrad {stated} is installed",
            str(here),
            "pip uninstall plugrad until nothing is left of it, then install it again",
        )
