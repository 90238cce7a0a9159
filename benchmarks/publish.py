"""Write a saved run into the README and docs/benchmarks.md.

``python -m plugrad.benchmarks.publish benchmarks/results/VERSION.json``: the README has eight
rows, the page all of them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from plugrad.benchmarks.table import as_markdown, from_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.benchmarks.result import Result

#: What the README shows, by how the work's name begins: at most eight rows.
ROWS = (
    "one op of a chain of 300 (mul, add, sin), forward + backward",
    "one step of an MLP 8-8-8",
    "a user's own mul",
    "one step of an MLP 1024",
    "one step of GPT-2-like",
    "one step of ResNet-18-like",
    "one step of force matching",
    "check of one torch.autograd.Function",
)

_TABLE = re.compile(r"\| work \| plugrad \|.*?\nMeasured on: [^\n]*\n", re.DOTALL)


def short(results: Sequence[Result], where: str) -> str:
    """The README's table: the chosen rows, each against what its aim speaks of."""
    chosen = [r for start in ROWS for r in results if r.name.startswith(start)]
    return as_markdown([_against_the_best(r) for r in chosen], where)


def _against_the_best(result: Result) -> Result:
    best = min(result.against, key=lambda peer: result.peers[peer])
    return type(result).of(
        result.name,
        result.unit,
        {"plugrad": result.ours, best: result.peers[best]},
        aim=result.aim,
        against=(best,),
    )


def published(text: str, table: str) -> str:
    """``text`` with this table in the place of the one that it has."""
    new, count = _TABLE.subn(lambda _: f"{table}\n", text)
    assert count == 1, "there is not exactly one table of benchmarks"
    return new


def publish(saved: Path, root: Path) -> None:
    """Write what was measured into the README and the page of the site."""
    results, where = from_json(saved.read_text(encoding="utf-8"))
    for path, table in (
        (root / "README.md", short(results, where)),
        (root / "docs" / "benchmarks.md", as_markdown(results, where)),
    ):
        text = published(path.read_text(encoding="utf-8"), table)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    publish(Path(sys.argv[1]), Path(__file__).resolve().parent.parent)
