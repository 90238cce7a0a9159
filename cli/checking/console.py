"""console and print_table: where the commands print, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.measure import Measurement

if TYPE_CHECKING:
    from rich.table import Table

#: Wider than any table: a table is as wide as its cells are.
_WIDEST = 1_000_000
#: As much is left of a column that may be cut, however narrow the terminal is.
_NARROWEST = 20


def console(*, to_errors: bool = False) -> Console:
    """Plain in a pipe, where nothing is cut; on standard error if JSON goes to the output."""
    return Console(stderr=to_errors, highlight=False, markup=False, soft_wrap=True)


def print_table(out: Console, table: Table, *, cut_last: bool = False) -> None:
    """Print a table with all that is in it: rich would cut it to the width of the terminal.

    Args:
        out: where.
        table: its columns must not wrap.
        cut_last: on a terminal, cut the last column to what is left beside the others.
    """
    width = _width(out, table)
    last = table.columns[-1]
    if cut_last and out.is_terminal and width > out.width:
        longest = max((_width(out, cell) for cell in last.cells), default=0)
        last.max_width = max(_NARROWEST, longest - (width - out.width))
        last.overflow = "ellipsis"
        width = _width(out, table)
    terminal, out.width = out.width, max(width, 1)
    try:
        out.print(table)
    finally:
        out.width = terminal


def _width(out: Console, shown: object) -> int:
    return Measurement.get(out, out.options.update(max_width=_WIDEST), shown).maximum  # type: ignore[arg-type]
