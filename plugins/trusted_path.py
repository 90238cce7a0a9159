"""trusted_path: where packs may come from, which is not the working directory."""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


def trusted_path() -> list[str]:
    """``sys.path`` without what ``python -c``, ``python -m`` and the prompt put before it.

    That is the working directory: metadata that lies there, as in a checkout one only
    looks at, is not installed. A directory that PYTHONPATH names, or that an editable
    install added, was chosen and stays.
    """
    here = _real(os.curdir)
    chosen = {_real(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry}
    library = str(Path(os.__file__).parent)
    first = sys.path.index(library) if library in sys.path else len(sys.path)
    return [
        entry
        for position, entry in enumerate(sys.path)
        if Path(entry).is_absolute()
        and (position > first or _real(entry) != here or here in chosen)
    ]


def outside_of_it(module: str) -> str | None:
    """Where ``module`` would be imported from, if that is not on the trusted path."""
    top = module.partition(".")[0]
    path = trusted_path()
    if path == sys.path:
        return None
    loaded = sys.modules.get(top)
    actual = _place(loaded.__spec__ if loaded is not None else importlib.util.find_spec(top))
    trusted = None
    for finder in sys.meta_path:
        search = path if finder is PathFinder else None
        trusted = finder.find_spec(top, search)
        if trusted is not None:
            break
    return actual if actual and actual != _place(trusted) else None


def _place(spec: ModuleSpec | None) -> str:
    if spec is None:
        return ""
    return spec.origin or ", ".join(spec.submodule_search_locations or ())


def _real(entry: str) -> str:
    try:
        return str(Path(entry).resolve())
    except OSError:  # the working directory was removed
        return ""
