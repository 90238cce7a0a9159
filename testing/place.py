"""place_of: where a new process finds a class, in the words of ``plugrad check``."""

from __future__ import annotations

import ast
import os
import site
import sys
import sysconfig
from functools import reduce
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


def source_of(target: Any) -> Any:
    """What is written in Python of a target: of a custom op its function, else itself."""
    return getattr(target, "_init_fn", target)


def place_of(target: Any) -> str:
    """``package.module:Name`` or ``path/to/file.py:Name``, to be typed where we are.

    Empty if no new process would find it: a class in a function, in a notebook, or in a
    module that imports its neighbours and whose package is not installed.

    Args:
        target: a class, a function, or a custom op of torch.library's.
    """
    source = source_of(target)
    module = sys.modules.get(getattr(source, "__module__", None) or "")
    name = getattr(source, "__qualname__", "")
    if module is None or not _leads_to(module, name, target):
        return ""
    dotted = module.__name__
    if dotted == "__main__":  # run as python -m package.module
        dotted = getattr(module.__spec__, "name", dotted)
    file = _file(module)
    if dotted != "__main__" and _is_importable(dotted, file):
        return f"{dotted}:{name}"
    if file is None or file.suffix != ".py" or ":" in str(file) or _imports_neighbours(file):
        return ""
    here = Path.cwd()
    shown = file.relative_to(here) if file.is_relative_to(here) else file
    return f"{shown}:{name}"


def _leads_to(module: ModuleType, name: str, target: Any) -> bool:
    try:
        return reduce(getattr, name.split("."), module) is target
    except AttributeError:  # of a class in a function
        return False


def _file(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file and Path(file).is_file() else None


def _is_importable(dotted: str, file: Path | None) -> bool:
    """Whether a new process, started here, imports this very file by that name."""
    top, _, below = dotted.partition(".")
    for spec in _specs(top):
        if not below:
            if spec.origin and file and Path(spec.origin).resolve() == file:
                return True
        elif file and any(
            file.is_relative_to(Path(folder).resolve())
            for folder in spec.submodule_search_locations or ()
        ):
            return True
    return False


def _specs(top: str) -> Iterator[ModuleSpec]:
    spec = PathFinder.find_spec(top, [*_path()])
    if spec is not None:
        yield spec
    for finder in sys.meta_path:  # those of editable installs
        origin = getattr(finder, "__module__", type(finder).__module__)
        if origin.partition(".")[0] not in _OF_THIS_PROCESS:
            found = finder.find_spec(top, None)
            if found is not None:
                yield found


#: Python's finders, which search our ``sys.path``, and that of pytest, which does so too.
_OF_THIS_PROCESS = frozenset({"_frozen_importlib", "_frozen_importlib_external", "_pytest"})


def _path() -> Iterator[str]:
    """What is on ``sys.path`` of a new process; ours may have more, a test runner's say."""
    yield str(Path.cwd())
    yield from filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    yield sysconfig.get_path("stdlib")
    folders = [
        *site.getsitepackages(),
        *([site.getusersitepackages()] * bool(site.ENABLE_USER_SITE)),
    ]
    for folder in folders:
        yield folder
        for file in Path(folder).glob("*.pth") if Path(folder).is_dir() else ():
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                if Path(folder, line).is_dir():
                    yield str(Path(folder, line))


def _imports_neighbours(file: Path) -> bool:
    """Whether it has relative imports, which do not work in a file that is run alone."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return True
    return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))
