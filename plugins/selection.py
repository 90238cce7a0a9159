"""PackSelection and PackSettings: which packs may load, as the environment and the project say."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plugrad.errors import PackSelectionError
from plugrad.plugins.messages import did_you_mean


def normalized(name: str) -> str:
    """``Plugrad_Special`` and ``plugrad.special`` are ``plugrad-special`` (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


_FIX = "say all, none, the distributions that may load (a,b), or those that may not (-a,-b)"


@dataclass(frozen=True)
class PackSelection:
    """A choice among distributions, made before any of their code is imported.

    It goes by distribution, since a pack's author can choose any name for the pack.
    """

    #: The names in the choice, normalized.
    names: frozenset[str] = frozenset()
    #: Whether only these may load, or all but these.
    only: bool = False
    #: Where the choice was made, for messages.
    made_by: str = "the default"

    @classmethod
    def parse(cls, text: str | Iterable[str], made_by: str) -> PackSelection:
        """Read ``all``, ``none``, ``a,b`` or ``-a,-b``; a list has the parts.

        Raises:
            PackSelectionError: it is none of these.
        """
        parts = text.split(",") if isinstance(text, str) else text
        if not isinstance(parts, Iterable) or not all(isinstance(part, str) for part in parts):
            raise PackSelectionError(
                f"{text!r} is not a valid pack selection", where=made_by, fix=_FIX
            )
        parts = [part.strip() for part in parts]
        parts = [part.lower() if part.lower() in ("all", "none") else part for part in parts]
        if parts in (["all"], ["none"]):
            return cls(only=parts == ["none"], made_by=made_by)
        names = [part.removeprefix("-") for part in parts]
        left_out = {part.startswith("-") for part in parts}
        keywords = {"all", "none"}.intersection(map(str.lower, names))
        if not all(names) or len(left_out) != 1 or keywords:
            raise PackSelectionError(
                f"{text!r} is not a valid pack selection", where=made_by, fix=_FIX
            )
        return cls(frozenset(map(normalized, names)), left_out == {False}, made_by)

    @property
    def is_none(self) -> bool:
        """Whether no pack may load."""
        return self.only and not self.names

    def allows(self, distribution: str) -> bool:
        """Whether the packs of ``distribution`` may load."""
        return (normalized(distribution) in self.names) == self.only


#: ``samples`` is for the checks: where the samples of torch targets are.
_KEYS = ("packs", "samples", "strict")


@dataclass(frozen=True)
class PackSettings:
    """Which packs may load, and whether one that fails to load is an error.

    ``PLUGRAD_PACKS`` and ``PLUGRAD_STRICT`` take precedence over ``packs`` and ``strict``
    in the table ``[tool.plugrad]`` of the next pyproject.toml upwards that has one.
    """

    selection: PackSelection = field(default_factory=PackSelection)
    strict: bool = False

    @classmethod
    def read(cls, selection: PackSelection | None = None) -> PackSettings:
        """The settings of the process, from the working directory it is in.

        The project's settings are read only if the program and the environment leave
        something undecided, so the environment can override a project's wrong settings.

        Args:
            selection: what the program chose, if it did.

        Raises:
            PackSelectionError: a setting is not understood.
        """
        chosen, strict = os.environ.get("PLUGRAD_PACKS"), os.environ.get("PLUGRAD_STRICT")
        if selection is None and chosen is not None:
            selection = PackSelection.parse(chosen, "the environment variable PLUGRAD_PACKS")
        if strict not in (None, "0", "1", ""):
            raise PackSelectionError(
                f"PLUGRAD_STRICT is {strict!r}",
                where="the environment variable PLUGRAD_STRICT",
                fix="set it to 1 or 0",
            )
        # If nothing may load, there is nothing to be strict about.
        decided = selection is not None and (strict is not None or selection.is_none)
        project = cls() if decided else cls.of_project()
        return cls(
            project.selection if selection is None else selection,
            project.strict if strict is None else strict == "1",
        )

    @classmethod
    def of_project(cls) -> PackSettings:
        """Those of the next pyproject.toml upwards that has any.

        Raises:
            PackSelectionError: a setting is not understood.
        """
        path, table = project_table()
        return cls() if path is None else cls._of_table(table, f"[tool.plugrad] of {path}")

    @classmethod
    def _of_table(cls, table: dict[str, Any], where: str) -> PackSettings:
        for key in table:
            if key not in _KEYS:
                raise PackSelectionError(
                    f"there is no setting {key!r}",
                    where=where,
                    fix=f"{did_you_mean(key, _KEYS)}the settings are {', '.join(_KEYS)}",
                )
        packs, strict = table.get("packs", "all"), table.get("strict", False)
        if not isinstance(packs, (str, list)) or not isinstance(strict, bool):
            raise PackSelectionError(
                f"packs = {packs!r} and strict = {strict!r} are not understood",
                where=where,
                fix='write packs = "none", or a list as ["a", "b"]; strict = true or false',
            )
        return cls(PackSelection.parse(packs, where), strict)


def project_table() -> tuple[Path | None, dict[str, Any]]:
    """The next pyproject.toml upwards with a table ``[tool.plugrad]``, and the table.

    None and nothing where there is none.

    Raises:
        PackSelectionError: a pyproject.toml cannot be read.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it was removed
        return None, {}
    for folder in (here, *here.parents):
        path = folder / "pyproject.toml"
        table = _table(path)
        if table is not None:
            return path, table
    return None, {}


def _table(path: Path) -> dict[str, Any] | None:
    """The table ``[tool.plugrad]`` of a pyproject.toml, if it has one."""
    try:
        if not path.is_file():
            return None
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, f"it cannot be read: {error}") from error
    if "plugrad" not in text:  # most projects': no need to parse it, or even that it parses
        return None
    try:
        document = _parser(path).loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"it is not TOML: {error}") from error
    tool = document.get("tool", {})
    table = tool.get("plugrad") if isinstance(tool, dict) else tool
    if table is None or isinstance(table, dict):
        return table
    raise _unreadable(path, "tool.plugrad is not a table")


def _unreadable(path: Path, what: str) -> PackSelectionError:
    return PackSelectionError(
        what, where=str(path), fix="correct it, or set PLUGRAD_PACKS and PLUGRAD_STRICT"
    )


def _parser(path: Path) -> Any:
    """The standard library's module for TOML, or its replacement in Python 3.10."""
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise PackSelectionError(
            "Python 3.10 cannot read TOML by itself",
            where=str(path),
            fix="pip install tomli, or set PLUGRAD_PACKS and PLUGRAD_STRICT",
        ) from error
