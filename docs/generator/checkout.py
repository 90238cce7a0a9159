"""The checkout that the site is built of."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent.parent


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def source_of(module: str) -> str:
    """The file of an imported module, relative to the root."""
    file = importlib.import_module(module).__file__
    assert file is not None
    return Path(file).resolve().relative_to(ROOT).as_posix()
