"""The Jacobian expected and the one got, to be read: all of small ones, else the worst entries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.testing.agree import Matrix, Mismatch

#: Nobody could read more columns and rows than these.
COLUMNS, ROWS = 12, 24
#: So many of the worst entries are shown of a larger one.
WORST = 10
#: Entries that are closer than this, relative to the largest, do not differ.
_CLOSE = 1e-9


@dataclass(frozen=True)
class Entry:
    """One entry of both.

    Args:
        row: of the output element.
        column: of the input's.
        expected: by differences, as a rule.
        got: from the rule.
        off: how far they are apart; infinite where one of them is not finite.
    """

    row: int
    column: int
    expected: Any
    got: Any
    off: float


class TwoJacobians:
    """Both Jacobians of a failure.

    Args:
        mismatch: the numbers of a failure that has them.
    """

    def __init__(self, mismatch: Mismatch) -> None:
        assert mismatch.jacobians is not None
        self.expected, self.got = mismatch.jacobians
        sizes = [abs(v) for row in self.expected for v in row]
        largest = max((size for size in sizes if math.isfinite(size)), default=0.0)
        #: Entries that are no farther apart do not differ.
        self.allowed = max(_CLOSE, mismatch.tolerance or 0.0) * largest

    @property
    def is_small(self) -> bool:
        """Whether all of it can be read."""
        return len(self.expected) <= ROWS and len(self._first_row) <= COLUMNS

    @property
    def _first_row(self) -> Sequence[Any]:
        return self.expected[0] if self.expected else ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no entry."""
        return not self._first_row

    def differs(self, row: int, column: int) -> bool:
        """Whether an entry of one is not that of the other."""
        return self._off(row, column) > self.allowed

    def worst(self, count: int = WORST) -> list[Entry]:
        """The entries that differ most, the worst first."""
        found = [entry for entry in self._entries() if self.differs(entry.row, entry.column)]
        return sorted(found, key=lambda entry: -entry.off)[:count]

    def count(self) -> str:
        """How many entries differ, in words."""
        wrong = sum(self.differs(e.row, e.column) for e in self._entries())
        return f"{wrong} of {len(self.expected) * len(self._first_row)} entries differ"

    def lines(self) -> list[str]:
        """Both as text, a row a line; of large ones the worst entries."""
        if self.is_empty:
            return []
        if self.is_small:
            wrong = " (* where it differs)"
            return [
                "expected Jacobian, a row for each output element, a column for each input's:",
                *self._text(self.expected, mark=False),
                f"got{wrong}:",
                *self._text(self.got, mark=True),
            ]
        size = f"{len(self.expected)} x {len(self._first_row)}"
        lines = [f"Jacobians of {size}; {self.count()}, the worst at [output, input element]:"]
        for entry in self.worst():
            place = f"[{entry.row}, {entry.column}]"
            lines.append(
                f"  {place:<10} expected {number(entry.expected)}, got {number(entry.got)}"
            )
        return lines

    def html(self) -> str:
        """Both as tables, in which a difference is the redder the larger it is."""
        if self.is_empty:
            return ""
        if not self.is_small:
            rows = "".join(
                f"<tr><td>[{e.row}, {e.column}]</td>{_cell(e.expected)}"
                f"{_cell(e.got, self._share(e.off))}{_cell(e.got - e.expected)}</tr>"
                for e in self.worst()
            )
            head = "".join(f"<th>{name}</th>" for name in ("at", "expected", "got", "difference"))
            size = f"{len(self.expected)} x {len(self._first_row)}"
            return (
                f"<div>Jacobians of {size}: {self.count()}; the worst, at [output, input "
                f"element]</div><table><tr>{head}</tr>{rows}</table>"
            )
        tables = [
            f"<table><caption>{name}</caption>{self._html_rows(matrix, mark)}</table>"
            for name, matrix, mark in (
                ("expected Jacobian", self.expected, False),
                ("got", self.got, True),
            )
        ]
        return (
            '<div style="display: flex; flex-wrap: wrap; gap: 1em">'
            f"{''.join(tables)}</div><div>a row for each output element, a column for each "
            f"input's; {self.count()}</div>"
        )

    # --- entries ---
    def _entries(self) -> Iterator[Entry]:
        for i, row in enumerate(self.expected):
            for j, value in enumerate(row):
                yield Entry(i, j, value, self.got[i][j], self._off(i, j))

    def _off(self, row: int, column: int) -> float:
        expected, got = self.expected[row][column], self.got[row][column]
        if expected == got or (expected != expected and got != got):  # noqa: PLR0124 (both nan)
            return 0.0
        off = abs(got - expected)
        return math.inf if math.isnan(off) else float(off)

    def _share(self, off: float) -> float:
        """How bad a difference is beside the worst one."""
        worst = max(entry.off for entry in self._entries())
        return 1.0 if math.isinf(off) or not worst else off / worst if math.isfinite(worst) else 0.3

    # --- small ones ---
    def _text(self, matrix: Matrix, mark: bool) -> list[str]:
        cells = [
            [f"{number(v)}{'*' if mark and self.differs(i, j) else ' '}" for j, v in enumerate(row)]
            for i, row in enumerate(matrix)
        ]
        width = max(len(cell) for row in cells for cell in row)
        return [f"  [{' '.join(cell.rjust(width) for cell in row)}]" for row in cells]

    def _html_rows(self, matrix: Matrix, mark: bool) -> str:
        return "".join(
            "<tr>"
            + "".join(
                _cell(v, self._share(self._off(i, j)) if mark and self.differs(i, j) else 0.0)
                for j, v in enumerate(row)
            )
            + "</tr>"
            for i, row in enumerate(matrix)
        )


def number(value: Any) -> str:
    """A number as it is shown: not -0."""
    return f"{value + 0.0:.5g}"


def _cell(value: Any, share: float = 0.0) -> str:
    style = "text-align: right"
    if share:  # on light and dark pages
        style += f"; background: rgb(198 33 47 / {max(0.15, 0.6 * share):.2f})"
    return f'<td style="{style}">{escape(number(value))}</td>'
