"""The results as a table: for a terminal, in Markdown, as JSON; and back from JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.table import Table

from plugrad.benchmarks.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COLUMNS = ("work", "plugrad", "against", "", "ratio", "aim")


def machine() -> str:
    """Name what was measured on: processor, cores, Python, torch."""
    return (
        f"{_processor()}, {os.cpu_count()} cores; {platform.system()}; "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def for_terminal(results: Sequence[Result], where: str) -> Table:
    """Make rich's table: a row per peer, a block per result."""
    table = Table(*_COLUMNS, caption=where)
    for index in (1, 3, 4):
        table.columns[index].justify = "right"
    for result in results:
        for row in _rows(result):
            table.add_row(*row)
        table.add_section()
    return table


def as_markdown(results: Sequence[Result], where: str) -> str:
    """Write the same in Markdown, for the README and the site."""
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|---|--:|---|--:|--:|---|"]
    lines += ["| " + " | ".join(row) + " |" for result in results for row in _rows(result)]
    return "\n".join([*lines, "", f"Measured on: {where}."])


def as_json(results: Sequence[Result], where: str) -> str:
    """Write every number."""
    rows = [{**asdict(r), "ratio": r.ratio, "reached": r.reached} for r in results]
    return json.dumps({"machine": where, "results": rows}, indent=2)


def from_json(text: str) -> tuple[list[Result], str]:
    """What ``as_json`` wrote: the results, and where they were measured."""
    saved = json.loads(text)
    derived = "ratio", "reached"
    rows = [{k: v for k, v in row.items() if k not in derived} for row in saved["results"]]
    return [Result(**{**row, "against": tuple(row["against"])}) for row in rows], saved["machine"]


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    """One row per peer; what belongs to plugrad alone stands in the first."""
    best = min(result.against, key=lambda peer: result.peers[peer])
    head = (result.name, _number(result.ours, result.unit))
    for peer, number in result.peers.items():
        aim = _aim(result) if peer == best else ""
        ratio = f"{result.ratio_to(peer):.2f}"
        yield (*head, peer, _number(number, result.unit), ratio, aim)
        head = ("", "")
    for peer, reason in result.skipped.items():
        yield "", "", peer, "-", "-", reason


def _aim(result: Result) -> str:
    if result.aim is None:
        return ""
    return f"<= {result.aim:.2f} {'reached' if result.reached else 'MISSED'}"


def _number(number: float, unit: str) -> str:
    return f"{number:.{0 if number >= 1000 else 1 if number >= 100 else 2}f} {unit}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
