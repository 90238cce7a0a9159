"""pack_facts and print_packs: what is known about a pack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from plugrad.cli.checking.console import folded, print_table, room
from plugrad.plugins.default import registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from plugrad.plugins.pack import Pack

_COLUMNS = ("pack", "distribution", "version", "module", "API", "ops", "status", "load time")


def pack_facts(pack: Pack) -> dict[str, Any]:
    """A pack as JSON can hold it; what is unknown before it is loaded is None."""
    loaded = pack.status == "loaded"
    error = pack.error
    return {
        "name": pack.name,
        "distribution": pack.distribution,
        "version": pack.version,
        "module": pack.module,
        "api": pack.api if pack.api_stated else None,
        "ops": sum(entry.pack == pack.name for entry in registry) if loaded else None,
        "status": pack.status,
        "load_time": pack.load_time,
        "error": None if error is None else {"what": error.what, "fix": error.fix},
    }


def print_packs(out: Console, facts: Iterable[dict[str, Any]]) -> None:
    """Print the packs in rows, each with what is wrong with it in one line.

    On a terminal, where the rows would be too long, the errors come below the table.
    """
    facts = list(facts)
    narrow = out.is_terminal or room() is not None
    wrong = {id(pack): _one_line(pack["error"]["what"]) for pack in facts if pack["error"]}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in _COLUMNS:
        right = name in ("ops", "load time")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    if wrong and not narrow:
        table.add_column("what is wrong", no_wrap=True)
    for pack in facts:
        cells = _cells(pack)
        if wrong and not narrow:
            cells.append(wrong.get(id(pack), ""))
        table.add_row(*map(Text, cells))
    print_table(out, table)
    if narrow:
        for pack in facts:
            if id(pack) in wrong:
                told = f"{pack['name']} of {pack['distribution']}: {wrong[id(pack)]}"
                out.print(Text(folded(told, hang=2)))


def _cells(pack: dict[str, Any]) -> list[str]:
    seconds = pack["load_time"]
    return [
        pack["name"],
        pack["distribution"],
        pack["version"],
        pack["module"],
        pack["api"] or "not stated",
        "-" if pack["ops"] is None else str(pack["ops"]),
        pack["status"],
        "-" if seconds is None else f"{seconds:.2f} s",
    ]


def _one_line(text: str) -> str:
    return " ".join(text.split())
