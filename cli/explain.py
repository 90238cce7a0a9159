"""``plugrad explain``: what a law or a fault is about."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from plugrad.cli.completion import complete_laws_and_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def explain(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LAW|FAULT",
            help="Names of laws or faults; without names, all are listed.",
            show_default=False,
            autocompletion=complete_laws_and_faults,
        ),
    ] = None,
) -> None:
    """Explain a law or a fault.

    A law: what it says, why, whose ops it judges, and a wrong op that it catches. A fault:
    what it does to a rule, and which samples catch it.

    \b
    plugrad explain           list all laws and faults
    plugrad explain complex
    plugrad explain no-nan wrong-at-0

    The exit status is 0, or 2 if there is no such law or fault, or if a pack fails to load
    while PLUGRAD_STRICT is set.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    if not names:
        typer.echo("\n".join(_list()))
        return
    pages = ["\n".join(_page(name)) for name in names]
    typer.echo("\n\n\n".join(pages))


def _page(name: str) -> Iterator[str]:
    from plugrad.cli.describing.explanation import fault_lines, law_lines
    from plugrad.plugins.messages import did_you_mean
    from plugrad.testing.faults import FAULTS
    from plugrad.testing.laws import LAWS

    fault = name.partition("[")[0]  # dropped[y] is a fault with its variant
    _add_pack_checks(lambda: name in LAWS or fault in FAULTS)
    if name not in LAWS and fault not in FAULTS:
        known = [*(law.id for law in LAWS), *(each.id for each in FAULTS)]
        typer.echo(
            f"Error: there is no law or fault {name!r}\n"
            f"  fix: {did_you_mean(name, known)}plugrad explain lists them",
            err=True,
        )
        raise typer.Exit(2)
    if name in LAWS:
        yield from law_lines(LAWS[name])
    if fault in FAULTS:
        yield from ["", ""] if name in LAWS else []
        yield from fault_lines(FAULTS[fault])


def _add_pack_checks(are_known: Callable[[], bool]) -> None:
    from plugrad.cli.pack_warnings import pack_warnings
    from plugrad.errors import PlugradError
    from plugrad.testing.check import add_pack_checks

    try:
        with pack_warnings():
            add_pack_checks(are_known)
    except PlugradError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error


def _list() -> Iterator[str]:
    from plugrad.cli.checking.console import folded
    from plugrad.testing.faults import FAULTS
    from plugrad.testing.laws import LAWS

    _add_pack_checks(lambda: False)
    wide = max(len(each.id) for each in (*LAWS, *FAULTS)) + 2
    yield folded("Laws, which plugrad check checks every op against")
    for family, laws in groupby(LAWS, lambda law: law.family):
        yield f"\n{family}"
        yield from (_row(law.id, law.why, wide) for law in laws)
    yield folded(
        "\nFaults, which plugrad strength injects into a rule to see if the samples catch them\n"
    )
    yield from (_row(fault.id, fault.what, wide) for fault in FAULTS)
    yield "\nplugrad explain LAW or FAULT explains one."


def _row(name: str, text: str, wide: int) -> str:
    from plugrad.cli.checking.console import folded

    return folded(f"  {name:<{wide}}{text}", hang=wide + 2)
