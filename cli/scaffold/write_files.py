"""write_files: new files and changed ones, all of them or none."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_files(new: Mapping[Path, str], changed: Mapping[Path, str]) -> None:
    """Write files that must not exist yet, and others that must; all of them or none.

    Raises:
        FileExistsError: one of the new ones exists.
        OSError: one cannot be written.
    """
    before = {path: path.read_bytes() for path in changed}
    folders = [folder for path in new for folder in reversed(path.parents) if not folder.exists()]
    done: list[Path] = []
    try:
        for folder in folders:
            folder.mkdir(exist_ok=True)
        for path, text in new.items():
            with path.open("x", encoding="utf-8", newline="\n") as file:
                done.append(path)
                file.write(text)
        for path, text in changed.items():
            _replace(path, text.encode())
    except BaseException:  # Ctrl-C too
        for path in done:
            path.unlink(missing_ok=True)
        for folder in reversed(folders):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        for path, content in before.items():
            if path.read_bytes() != content:
                _replace(path, content)
        raise


def _replace(path: Path, content: bytes) -> None:
    """Give ``path`` another content in one step: a reader sees the old content or the new."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.close()
            temporary.chmod(path.stat().st_mode)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
