"""check_writable: whether a report can be written, asked before the work is done."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

import typer


def check_writable(option: str, path: Path | None) -> None:
    """Refuse a file that cannot be written; ``-`` with ``--json`` is standard output.

    Raises:
        BadParameter: it is a folder, or its folder is not there or not writable.
    """
    if path is None or (option == "--json" and path == Path("-")):
        return
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise typer.BadParameter(
            f"{path} can't be written: {error.strerror}\n"
            "  fix: name a file in an existing folder that you may write to",
            param_hint=option,
        ) from error
