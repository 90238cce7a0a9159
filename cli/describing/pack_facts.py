"""pack_facts: what can be told of a pack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from plugrad.plugins.manager import registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad.plugins.pack import Pack

_COLUMNS = ("pack", "distribution", "version", "module", "API", "ops", "status", "load time")


def pack_facts(pack: Pack) -> dict[str, Any]:
    """A pack as JSON can hold it; what is not known before it is loaded is None."""
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


def pack_table(facts: Iterable[dict[str, Any]]) -> Table:
    """The packs in rows, each with what is wrong with it in one line."""
    facts = list(facts)
    broken = any(pack["error"] for pack in facts)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in _COLUMNS:
        right = name in ("ops", "load time")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    if broken:
        table.add_column("what is wrong", no_wrap=True)
    for pack in facts:
        seconds = pack["load_time"]
        cells = [
            pack["name"],
            pack["distribution"],
            pack["version"],
            pack["module"],
            pack["api"] or "not stated",
            "-" if pack["ops"] is None else str(pack["ops"]),
            pack["status"],
            "-" if seconds is None else f"{seconds:.2f} s",
        ]
        if broken:
            cells.append(_one_line(pack["error"]["what"]) if pack["error"] else "")
        table.add_row(*cells)
    return table


def _one_line(text: str) -> str:
    return " ".join(text.split())
