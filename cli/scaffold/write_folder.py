"""write_folder: a new folder with all its files, or nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Make ``folder`` with these files in it; nothing is left behind if that fails.

    They are written beside it first, so that it appears with everything in place.

    Raises:
        FileExistsError: there is something at that place.
        OSError: it cannot be written.
    """
    if os.path.lexists(folder):
        raise FileExistsError(f"{folder} exists")
    temporary = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        whole = temporary / folder.name  # made by us, so with the mode that folders get
        for name, text in files.items():
            path = whole / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        if os.path.lexists(folder):  # rename would replace one that is empty
            raise FileExistsError(f"{folder} exists")
        whole.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
