"""``plugrad special accuracy``: the derivatives beside mpmath's."""

from __future__ import annotations

import json as json_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad_special.accuracy.measured import Measured
    from plugrad_special.accuracy.row import Row


def accuracy(
    functions: Annotated[
        list[str] | None,
        typer.Argument(metavar="FUNCTION", help="All unless told.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the page docs/accuracy.md.", show_default=False)
    ] = None,
) -> None:
    """Compare the functions and their derivatives with mpmath, over their domains.

    \b
    plugrad special accuracy                 all of them, in about two minutes
    plugrad special accuracy igamma zeta
    plugrad special accuracy --json
    plugrad special accuracy --markdown docs/accuracy.md

    The exit status is 0 if each derivative is right to 1e-12, relative to its local size; 1
    if not; 2 if the command is wrong. The values are torch's, and have no aim.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    missing = [name for name in ("mpmath", "jinja2") if find_spec(name) is None]
    if missing:
        typer.echo(
            f"Error: accuracy needs {' and '.join(missing)}\n"
            "  fix: pip install 'plugrad-special[test]'",
            err=True,
        )
        raise typer.Exit(2)
    measured = []
    for one in _measured(_chosen(functions)):
        measured.append(one)
        if not json:
            typer.echo(_line(one))
    missed = sum(one.reached is False for one in measured)
    if json:
        typer.echo(json_module.dumps([one.as_dict() for one in measured], indent=1))
    else:
        count = sum(one.reached is not None for one in measured)
        typer.echo(f"{count - missed} of {count} derivatives within 1e-12")
    if markdown is not None:
        _write(markdown, measured)
    if missed:
        raise typer.Exit(1)


def _chosen(functions: list[str] | None) -> list[Row]:
    from plugrad_special.accuracy import bessel, gamma, polynomials

    rows = [*bessel.ROWS, *gamma.ROWS, *polynomials.ROWS]
    known = dict.fromkeys(row.function for row in rows)
    for name in functions or ():
        if name not in known:
            raise typer.BadParameter(
                f"there is no function {name!r}\n  fix: they are {', '.join(known)}",
                param_hint="FUNCTION",
            )
    return [row for row in rows if not functions or row.function in functions]


def _measured(rows: list[Row]) -> Iterator[Measured]:
    from plugrad_special.accuracy.measured import Measured

    for row in rows:
        yield Measured.of(row)


def _line(one: Measured) -> str:
    row = one.row
    verdict = "MISSED" if one.reached is False else ""
    text = f"{row.function:<34} {row.quantity:<8} {one.worst:8.1e}  {row.domain}  {verdict}"
    return text.rstrip()


def _write(path: Path, measured: list[Measured]) -> None:
    from plugrad_special.accuracy.page import page

    try:
        path.write_text(page(measured), encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(
            f"{path} can't be written: {error.strerror}\n  fix: name a file that you may write to",
            param_hint="--markdown",
        ) from error
