"""CacheFile: a JSON file in the user's cache folder, which may be missing."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any


class CacheFile:
    """Data to remember between commands.

    Nothing depends on it: a file that is missing, damaged or of another version counts as
    empty, and a file that cannot be written stays as it is. It is replaced as a whole, so that
    nobody reads half of it.

    Args:
        name: the file's name, without an ending.
        version: the version of its contents.
    """

    def __init__(self, name: str, version: int = 1) -> None:
        self._name, self._version = name, version

    @property
    def path(self) -> Path:
        """Where it is. Raises ImportError where the extra ``cli`` is not installed."""
        from platformdirs import user_cache_path

        return user_cache_path("plugrad", appauthor=False) / f"{self._name}.json"

    def read(self) -> dict[str, Any]:
        """What is in it, by key."""
        with suppress(Exception):
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if found["version"] == self._version and isinstance(found["entries"], dict):
                entries: dict[str, Any] = found["entries"]
                return entries
        return {}

    def update(self, entries: dict[str, Any]) -> None:
        """Add entries, or replace those with their keys.

        If two programs do so at the same moment, one may lose its entries.
        """
        with suppress(Exception):
            text = json.dumps(
                {"version": self._version, "entries": {**self.read(), **entries}},
                indent=1,
                sort_keys=True,
            )
            _replace(self.path, text + "\n")


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
