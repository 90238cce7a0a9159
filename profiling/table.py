"""Table: what ops cost, to be read; Row and Cost, the numbers in it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from plugrad.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True)
class Cost:
    """What calls cost together."""

    calls: int = 0
    #: Without the ops that they called, so that all of these add up.
    seconds: float = 0.0
    #: With them.
    total_seconds: float = 0.0
    #: Of the results that they made: not of views, nor of what is written in place.
    bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls,
            self.seconds + other.seconds,
            self.total_seconds + other.total_seconds,
            self.bytes + other.bytes,
        )


@dataclass(frozen=True)
class Row:
    """An op: its calls, and the runs of its rule in backward."""

    op: str
    forward: Cost
    backward: Cost

    @property
    def seconds(self) -> float:
        """Forward and backward together, without other ops that were called inside."""
        return self.forward.seconds + self.backward.seconds

    @property
    def calls(self) -> int:
        """Forward and backward together."""
        return self.forward.calls + self.backward.calls

    @property
    def bytes(self) -> int:
        """Forward and backward together."""
        return self.forward.bytes + self.backward.bytes


_ORDERS: dict[str, Callable[[Row], float]] = {
    "time": lambda row: row.seconds,
    "forward": lambda row: row.forward.seconds,
    "backward": lambda row: row.backward.seconds,
    "calls": lambda row: row.calls,
    "bytes": lambda row: row.bytes,
    "op": lambda _: 0.0,
}
_HEAD = ("op", "calls", "time", "made", "calls", "time", "made", "share")
_GROUPS = "forward", "backward"


class Table:
    """Rows in an order, which print and display themselves.

    Args:
        rows: one for each op.
        engine: what the engine needed for itself.
        seconds: the time of the block.
        elsewhere: what of it no op and no backward had.
        threads: in how many threads ops were called.
        sort: the order.
        limit: how many rows are shown.

    Raises:
        ArgumentError: there is no such order.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        engine: Cost,
        seconds: float,
        elsewhere: float,
        threads: int = 1,
        sort: str = "time",
        limit: int | None = None,
    ) -> None:
        if sort not in _ORDERS:
            raise ArgumentError(
                f"a profile cannot be sorted by {sort!r}",
                where="a call of table",
                fix=f"sort by one of these: {', '.join(map(repr, _ORDERS))}",
            )
        order = _ORDERS[sort]
        self.rows = sorted(rows, key=lambda row: (-order(row), row.op))
        self.engine, self.seconds, self.elsewhere = engine, seconds, elsewhere
        self._threads, self._limit = threads, limit

    def _shown(self) -> tuple[list[Row], list[Row]]:
        """The rows that are shown, and the others."""
        limit = len(self.rows) if self._limit is None else max(0, self._limit)
        return self.rows[:limit], self.rows[limit:]

    def _lines(self) -> Iterator[tuple[str, ...]]:
        shown, others = self._shown()
        measured = sum(row.seconds for row in self.rows) + self.engine.seconds
        for row in shown:
            yield _line(row, measured)
        if others:
            together = Row(
                f"({len(others)} more)",
                sum((row.forward for row in others), Cost()),
                sum((row.backward for row in others), Cost()),
            )
            yield _line(together, measured)
        if self.engine.calls:
            engine = Row("(the engine)", Cost(), self.engine)
            yield _line(engine, measured)

    def _summary(self) -> str:
        forward = sum(row.forward.seconds for row in self.rows)
        backward = sum(row.backward.seconds for row in self.rows)
        parts = [f"{_time(forward)} forward", f"{_time(backward)} backward"]
        if self.engine.calls:
            parts.append(f"{_time(self.engine.seconds)} the engine")
        parts.append(f"{_time(self.elsewhere)} elsewhere")
        text = f"{_time(self.seconds)} in all: {', '.join(parts)}"
        if self._threads > 1:
            text += f" ({self._threads} threads, whose times add up)"
        return text

    def __str__(self) -> str:
        lines = list(self._lines())
        widths = [max(len(cell) for cell in column) for column in zip(_HEAD, *lines, strict=True)]
        groups = [sum(widths[start : start + 3]) + 4 for start in (1, 4)]
        over = f"{'forward':-^{groups[0]}}  {'backward':-^{groups[1]}}"
        text = [f"{'':{widths[0]}}  {over}"]
        for line in (_HEAD, *lines):
            first, *others = line
            cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
            text.append("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
        return "\n".join([*text, self._summary()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def cells(line: Sequence[str], tag: str) -> str:
            return "".join(
                f'<{tag} style="text-align: {"right" if i else "left"}">{escape(cell)}</{tag}>'
                for i, cell in enumerate(line)
            )

        groups = "".join(
            f'<th colspan="3" style="text-align: center">{name}</th>' for name in _GROUPS
        )
        body = "".join(f"<tr>{cells(line, 'td')}</tr>" for line in self._lines())
        head = f"<tr><th></th>{groups}<th></th></tr><tr>{cells(_HEAD, 'th')}</tr>"
        return (
            f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
            f"<small>{escape(self._summary())}</small>"
        )


def _line(row: Row, measured: float) -> tuple[str, ...]:
    share = row.seconds / measured if measured else 0.0
    return (row.op, *_cells(row.forward), *_cells(row.backward), f"{share:.0%}")


def _cells(cost: Cost) -> tuple[str, str, str]:
    if not cost.calls:
        return "", "", ""
    return f"{cost.calls:,}", _time(cost.seconds), _size(cost.bytes)


def _time(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1 or unit == "us":
            return (
                f"{seconds * factor:.3g} {unit}"
                if seconds * factor < 999.5
                else (f"{seconds * factor:.0f} {unit}")
            )
    raise AssertionError


def _size(count: int) -> str:
    if not count:
        return "-"
    size, units = float(count), iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while size >= 1000 and unit != "GiB":
        size, unit = size / 1024, next(units)
    return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"
