"""page: docs/accuracy.md, from what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from plugrad_special.accuracy.measured import AIM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad_special.accuracy.measured import Measured


def page(measured: Iterable[Measured]) -> str:
    """The page; a number that misses the aim is bold."""
    functions: dict[str, list[Measured]] = {}
    for one in measured:
        functions.setdefault(one.row.function, []).append(one)
    environment = Environment(
        loader=PackageLoader("plugrad_special", "accuracy"),
        autoescape=False,  # markdown
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    template = environment.get_template("page.md.jinja")
    template.globals.update(worst=_worst, quantities=_quantities, table=_table)
    return template.render(functions=functions, aim=f"{AIM:g}")


def _worst(rows: list[Measured], of_values: bool) -> dict[str, str]:
    found = max((m for m in rows if m.row.is_value is of_values), key=lambda m: m.worst)
    return {"number": _number(found), "place": f"{found.row.quantity}, {_cell(found.row.domain)}"}


def _quantities(rows: list[Measured]) -> list[str]:
    return list(dict.fromkeys(m.row.quantity for m in rows))


def _table(rows: list[Measured]) -> dict[str, dict[str, str]]:
    """The numbers by domain and quantity."""
    table: dict[str, dict[str, str]] = {}
    for one in rows:
        empty = dict.fromkeys(_quantities(rows), "")
        table.setdefault(_cell(one.row.domain), empty)[one.row.quantity] = _number(one)
    return table


def _number(measured: Measured) -> str:
    text = f"{measured.worst:.0e}".replace("e-0", "e-")
    return f"**{text}**" if measured.reached is False else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
