"""Compare two checkouts of plugrad: the rows that measure plugrad alone, in one run.

``python benchmarks/compare.py OLD NEW``, where each is the folder of a checkout, named ``plugrad``
(``git worktree add ../old/plugrad COMMIT`` makes one). ``--help`` shows the rest.

Each checkout has a process. They take turns, one measurement each, so that what else happens on the
machine hits both; and of each side's numbers the least counts, since a busy machine only ever adds.
All is done several times with new processes: where things are in memory makes a few percent.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from plugrad.benchmarks.import_time import importing

if TYPE_CHECKING:
    from collections.abc import Callable

_IMPORT = "import"
#: Rows that take longer are measured less often than the others: one round in so many.
_SLOW = {"wide, one": 5, "memory": 100, "10,000": 10, "nodes": 25, "100,000": 25, _IMPORT: 20}
_ROUNDS = 200


class Side:
    """A checkout, and the process that measures it."""

    def __init__(self, checkout: Path, pycache: str, tiny: bool) -> None:
        self.checkout = checkout.absolute()  # not resolved: a link may give it the name
        if self.checkout.name != "plugrad" or not (self.checkout / "__init__.py").is_file():
            raise typer.BadParameter(
                f"{checkout} is not a checkout of plugrad\n"
                "  fix: name a folder called plugrad, e.g. made by "
                "git worktree add ../old/plugrad COMMIT"
            )
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.checkout.parent),
            "PYTHONPYCACHEPREFIX": pycache,
            "PYTHONDONTWRITEBYTECODE": "",
            "PLUGRAD_PACKS": "none",
        }
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).parent / "contender.py"),
                str(self.checkout),
                *["--tiny"] * tiny,
            ],
            cwd=pycache,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.importing: Callable[[], float] = importing("plugrad", pycache, environment)
        self.names = [*self._answer().split("\t"), _IMPORT]

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate()

    def measure(self, name: str) -> float:
        """Run one benchmark once."""
        if name == _IMPORT:
            return self.importing()
        assert self.process.stdin is not None
        print(name, file=self.process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout is not None
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit(f"the process of {self.checkout} ended; its error is above")
        return answer


def compared(old: Side, new: Side, name: str, rounds: int) -> tuple[float, float]:
    """The least of each side's numbers; a first round, to warm up, does not count."""
    numbers: dict[Side, list[float]] = {old: [], new: []}
    for turn in range(rounds + 1):
        for side in (old, new) if turn % 2 else (new, old):
            number = side.measure(name)
            if turn:
                numbers[side].append(number)
    return min(numbers[old]), min(numbers[new])


def compare(
    old: Annotated[Path, typer.Argument(help="A checkout: a folder named plugrad.")],
    new: Annotated[Path, typer.Argument(help="Another.")],
    only: Annotated[
        list[str] | None, typer.Option(help="Only rows with this in their name; may be repeated.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="How often each side runs each row.")] = _ROUNDS,
    times: Annotated[int, typer.Option(help="Do it all so often; a column for each.")] = 3,
    tiny: Annotated[bool, typer.Option("--tiny", help="See that all run; no numbers.")] = False,
) -> None:
    """Print, for each row, the new checkout's number over the old one's."""
    table = Table("work", *[f"new / old, {i + 1}" for i in range(times)])
    found: dict[str, list[str]] = {}
    with ExitStack() as stack:
        pycaches = [stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(2)]
        for _ in range(times):
            with Side(old, pycaches[0], tiny) as before, Side(new, pycaches[1], tiny) as after:
                for name in _chosen(before.names, only):
                    fewer = max([share for part, share in _SLOW.items() if part in name], default=1)
                    numbers = compared(before, after, name, max(1, rounds // fewer))
                    found.setdefault(name, []).append(f"{numbers[1] / numbers[0]:.3f}")
                    Console(stderr=True).print(name, found[name][-1])
    for name, ratios in found.items():
        table.add_row(name, *ratios)
    Console().print(table)


def _chosen(names: list[str], only: list[str] | None) -> list[str]:
    """The rows that were asked for."""
    chosen = [n for n in names if not only or any(part in n for part in only)]
    if not chosen:
        raise typer.BadParameter(
            f"no row has {' or '.join(map(repr, only or ()))} in its name\n"
            f"  fix: choose from {'; '.join(names)}",
            param_hint="--only",
        )
    return chosen


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command()(compare)

if __name__ == "__main__":
    app()
