"""PackFolder: the source of a pack, found by its pyproject.toml."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from plugrad.errors import PackDefinitionError
from plugrad.plugins.default import registry

if TYPE_CHECKING:
    from pathlib import Path

_HINT = "--pack"


@dataclass(frozen=True)
class PackFolder:
    """Where the parts of a pack are."""

    #: The pack's name.
    pack: str
    #: The folder with its pyproject.toml.
    root: Path
    #: The folder of its package.
    package: Path

    @property
    def ops(self) -> Path:
        """The folder with a module for each op."""
        return self.package / "ops"

    @property
    def stub(self) -> Path:
        """What type checkers know of the pack."""
        return self.package / "__init__.pyi"

    def stub_text(self) -> str | None:
        """The text of the stub; None if there is none.

        Raises:
            BadParameter: it cannot be read.
        """
        try:
            return self.stub.read_text(encoding="utf-8") if _is_file(self.stub) else None
        except UnicodeDecodeError as error:
            raise _bad(f"{self.stub} is not written in UTF-8: {error}", "correct it") from error
        except OSError as error:
            raise _unreadable(error) from error

    @classmethod
    def find(cls, root: Path) -> PackFolder:
        """The pack whose pyproject.toml is in ``root``.

        Raises:
            BadParameter: there is none, more than one, or it is not laid out as
                ``plugrad new-pack`` does it.
        """
        name, module = _entry_point(root)
        _check_name(name, root)
        top = module.partition(":")[0].strip().partition(".")[0]
        packages = [root / "src" / top, root / top]
        for package in packages:
            if _is_file(package / "ops" / "__init__.py"):
                return cls(name, root, package)
        raise _bad(
            f"the pack {name} has no package of ops: there is no "
            f"{packages[0].relative_to(root).as_posix()}/ops/__init__.py in {root}",
            "keep each op in a module of that folder, as plugrad new-pack does, or write the "
            "module where the pack has its others",
        )


def _entry_point(root: Path) -> tuple[str, str]:
    """The pack's name, and the module with its hooks."""
    path = root / "pyproject.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _bad(
            f"{path} can't be read: {error.strerror}",
            "--pack names the folder of a pack, with its pyproject.toml; plugrad new-pack makes "
            "one",
        ) from error
    except UnicodeDecodeError as error:
        raise _bad(f"{path} is not valid TOML: {error}", "correct it") from error
    points = _entry_points(_parsed(text, path))
    if not points:
        raise _bad(
            f"{path} has no entry point in the group plugrad, so this is not a pack",
            "--pack names the folder of a pack; plugrad new-pack makes one",
        )
    if len(points) > 1:
        raise _bad(
            f"{path} has several packs: {', '.join(points)}",
            "write the module by hand, in the pack that it is for",
        )
    ((name, module),) = points.items()
    return name, module


def _entry_points(document: dict[str, Any]) -> dict[str, str]:
    table: Any = document
    for key in ("project", "entry-points", "plugrad"):
        table = table.get(key) if isinstance(table, dict) else None
    points = table if isinstance(table, dict) else {}
    return {name: value for name, value in points.items() if isinstance(value, str)}


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        parser: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
        document: dict[str, Any] = parser.loads(text)
    except ImportError as error:
        raise _bad("Python 3.10 cannot read TOML by itself", "pip install tomli") from error
    except ValueError as error:
        raise _bad(f"{path} is not valid TOML: {error}", "correct it") from error
    return document


def _check_name(name: str, root: Path) -> None:
    """Refuse a pack none of whose ops could be reached."""
    try:
        registry.validate_pack_name(name, "")
    except PackDefinitionError as error:
        raise _bad(
            f"the pack of {root / 'pyproject.toml'} cannot be loaded: {error.what}",
            f"{error.fix}, in both tables of entry points",
        ) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> typer.BadParameter:
    return _bad(
        f"{error.filename} can't be read: {error.strerror}", "let it be read, or name another pack"
    )


def _bad(what: str, fix: str) -> typer.BadParameter:
    return typer.BadParameter(f"{what}\n  fix: {fix}", param_hint=_HINT)
