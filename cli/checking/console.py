"""console, print_table and folded: where the commands print, and how wide."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Column

#: Wider than any table: a table is as wide as its cells are.
_WIDEST = 1_000_000
#: Text in a column narrower than this is slower to read than text below its row.
_NARROWEST = 36
_GAP = 2
#: Nobody chose these: readline, once imported, sets them where there is no terminal.
_READLINES = ("80", "24")


def console(*, to_errors: bool = False) -> Console:
    """Plain in a pipe, where no line is folded; on standard error if JSON goes to the output."""
    return Console(stderr=to_errors, highlight=False, markup=False, soft_wrap=True)


def room() -> int | None:
    """How wide a line may be: $COLUMNS, or as the terminal is; None in a pipe."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdigit() and int(wanted) and (wanted, os.environ.get("LINES")) != _READLINES:
        return int(wanted)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def folded(text: str, hang: int = 0) -> str:
    """Each line of ``text`` folded between words, its other parts ``hang`` to the right."""
    width = room()
    if width is None:
        return text
    return "\n".join("\n".join(_folded(line, width, hang)) for line in text.split("\n"))


def _folded(line: str, width: int, hang: int) -> list[str]:
    if len(line) <= width:
        return [line]
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * min(hang, width // 2),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )


# --- tables --------------------------------------------------------------------------


def print_table(out: Console, table: Table, *, prose: bool = False) -> None:
    """Print a table with all that is in it; folded if it is wider than the terminal.

    Args:
        out: where.
        table: its columns must not wrap.
        prose: the last column is text, which may be folded between words.
    """
    limit = _limit(out)
    if limit is None or _width(out, table) <= limit:
        _print_whole(out, table)
        return
    widths = [_column_width(out, column) for column in table.columns]
    left = limit - sum(width + _GAP for width in widths[:-1])
    if prose and left >= max(_NARROWEST, _longest_word(table.columns[-1])):
        table.columns[-1].no_wrap = False
        table.columns[-1].width = left
        _print_whole(out, table)
    elif not prose and widths[0] + _GAP + max(widths[1:]) <= limit:
        _print_in_parts(out, table, widths, limit)
    else:
        for line in _records(table, limit):
            out.print(line)


def _limit(out: Console) -> int | None:
    """As ``room``, of a console."""
    return out.width if out.is_terminal else room()


def _print_in_parts(out: Console, table: Table, widths: list[int], limit: int) -> None:
    """Some columns, then the next ones below: each part begins with the first column."""
    parts: list[list[int]] = []
    used = _WIDEST
    for number, width in enumerate(widths[1:], 1):
        if used + _GAP + width > limit:
            parts.append([])
            used = widths[0]
        parts[-1].append(number)
        used += _GAP + width
    for place, part in enumerate(parts):
        if place:
            out.print()
        columns = [table.columns[number] for number in (0, *part)]
        some = Table(box=None, pad_edge=False, header_style=table.header_style)
        for column in columns:
            some.add_column(column.header, justify=column.justify, no_wrap=True)
        for cells in zip(*(column.cells for column in columns), strict=True):
            some.add_row(*cells)
        _print_whole(out, some)


def _records(table: Table, limit: int) -> Iterator[Text]:
    """A block for each row: its first cell, then a line for each of the others."""
    titles = [_plain(column.header) for column in table.columns]
    wide = max(map(len, titles[1:])) + _GAP
    for first, *others in zip(*(column.cells for column in table.columns), strict=True):
        yield Text(_plain(first), "bold")
        for title, cell in zip(titles[1:], others, strict=True):
            for line in _folded(f"  {title:<{wide}}{_plain(cell)}", limit, wide + _GAP):
                yield Text(line)


def _print_whole(out: Console, table: Table) -> None:
    """Without rich's own idea of how to make it fit, which is to cut the cells."""
    terminal, out.width = out.width, max(_width(out, table), 1)
    try:
        out.print(table)
    finally:
        out.width = terminal


def _plain(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)


def _longest_word(column: Column) -> int:
    words = (word for cell in column.cells for word in _plain(cell).split())
    return max(map(len, words), default=0)


def _column_width(out: Console, column: Column) -> int:
    return max(_width(out, cell) for cell in (column.header, *column.cells))


def _width(out: Console, shown: object) -> int:
    return Measurement.get(out, out.options.update(max_width=_WIDEST), shown).maximum  # type: ignore[arg-type]
