"""AnnotationNames: what the names in a module's annotations stand for."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


class AnnotationNames(Mapping[str, Any]):
    """A module's names, with those that it imports under ``if TYPE_CHECKING:`` alone.

    These are imported when one of them is looked up.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._imports: dict[str, tuple[str, str]] | None = None

    def __getitem__(self, name: str) -> Any:
        if name in vars(self._module):
            return vars(self._module)[name]
        module, attribute = self._for_types_only()[name]
        found = importlib.import_module(module)
        return getattr(found, attribute) if attribute else found

    def __iter__(self) -> Iterator[str]:
        return iter({**vars(self._module), **self._for_types_only()})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _for_types_only(self) -> dict[str, tuple[str, str]]:
        if self._imports is None:
            try:
                tree = ast.parse(inspect.getsource(self._module))
            except (OSError, TypeError, SyntaxError):  # no source: a notebook, a compiled module
                tree = ast.Module([], [])
            self._imports = dict(_imported(tree, self._module.__package__ or ""))
        return self._imports


def _imported(tree: ast.Module, package: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each name with the module it is from and its name there, empty for a module itself."""
    for block in tree.body:
        if not (isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)):
            continue
        for line in block.body:
            if isinstance(line, ast.ImportFrom):
                module = line.module or ""
                if line.level:
                    module = importlib.util.resolve_name("." * line.level + module, package)
                for alias in line.names:
                    yield alias.asname or alias.name, (module, alias.name)
            elif isinstance(line, ast.Import):
                for alias in line.names:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield alias.asname or whole, (whole, "")
