"""What the shell completes on TAB: names of ops, packs, laws and faults.

It must take less than a second, so it imports no packs and not even the ops: names are read
from the source files. The names of packs' ops were noted by the last command that loaded the
packs.
"""

from __future__ import annotations

import os
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from plugrad.cli.known_ops import KNOWN_OPS

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parent.parent
#: What ``bash`` has split off the word at the cursor: to it a colon ends a word.
_split_off = ""


def mend_bash_words() -> None:
    """Join what bash split: ``special``, ``::``, ``be`` are one word.

    Call it before typer reads them. Only the last part is completed.
    """
    global _split_off  # noqa: PLW0603  # one process, one TAB
    if not os.environ.get("_PLUGRAD_COMPLETE", "").endswith("bash"):
        return
    words = os.environ.get("COMP_WORDS", "").split("\n")
    cursor = int(os.environ.get("COMP_CWORD", len(words) - 1))
    last = words[cursor] if cursor < len(words) else ""
    before = words[:cursor]
    if last and not last.strip(":"):
        before, last = [*before, last], ""
    parts: list[str] = []
    while len(before) > 1 and (not before[-1].strip(":") or (parts and parts[0][0] == ":")):
        parts.insert(0, before.pop())
    if not parts or not before:
        return
    _split_off = "".join(parts)
    os.environ["COMP_WORDS"] = "\n".join([*before, last])
    os.environ["COMP_CWORD"] = str(len(before))


def complete_ops(incomplete: str) -> list[str]:
    """The names of all ops, with ``pack::`` where only a pack's name is known."""
    return _completed(incomplete, [*_builtin_ops(), *_ops_of_packs()])


def complete_chosen(incomplete: str) -> list[str]:
    """The same, and ``pack::`` for each pack, meaning all of its ops."""
    names = [f"{name}::" for name in ("plugrad", *_packs())]
    return _completed(incomplete, [*_builtin_ops(), *names, *_ops_of_packs()])


def complete_packs(incomplete: str) -> list[str]:
    """The names of the packs that have ops."""
    return _completed(incomplete, ["plugrad", *_packs()])


def complete_laws(incomplete: str) -> list[str]:
    """The ids of plugrad's own laws."""
    return _completed(incomplete, _read_off("testing/laws", r"^@LAWS\.law\(\s*\"([^\"]+)\""))


def complete_faults(incomplete: str) -> list[str]:
    """The ids of plugrad's own faults."""
    return _completed(
        incomplete, _read_off("testing/faults", r"^(?:@FAULTS\.fault|_enter)\(\s*\"([^\"]+)\"")
    )


def complete_laws_and_faults(incomplete: str) -> list[str]:
    """The ids of both."""
    return [*complete_laws(incomplete), *complete_faults(incomplete)]


def _completed(incomplete: str, names: list[str]) -> list[str]:
    start = _split_off + incomplete
    found = sorted({name for name in names if name.startswith(start)})
    return [name.removeprefix(_split_off) for name in found]


def _builtin_ops() -> list[str]:
    return _read_off("ops", r"^@op\(\s*\"([^\"]+)\"")


def _read_off(folder: str, pattern: str) -> list[str]:
    compiled = re.compile(pattern, re.MULTILINE)
    found: list[str] = []
    for path in (_ROOT / folder).rglob("*.py"):
        found += compiled.findall(path.read_text(encoding="utf-8"))
    return found


def _packs() -> dict[str, str]:
    """The distribution of each installed pack, by the pack's name."""
    points = metadata.entry_points(group="plugrad")
    return {point.name: point.dist.metadata["Name"] for point in points if point.dist}


def _ops_of_packs() -> Iterator[str]:
    known = KNOWN_OPS.read()
    for pack, distribution in _packs().items():
        ops = known.get(f"{distribution} {pack}")
        yield from (f"{pack}::{op}" for op in ops or ("",))
