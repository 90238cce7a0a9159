"""``plugrad explain``: what a law or a fault is about."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from plugrad.cli.completion import complete_laws_and_faults

if TYPE_CHECKING:
    from collections.abc import Iterator


def explain(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LAW|FAULT",
            help="Ids of laws or faults. If none is given, all are listed.",
            show_default=False,
            autocompletion=complete_laws_and_faults,
        ),
    ] = None,
) -> None:
    """Explain a law: what it says, why, whose ops it judges, and a wrong op that it catches.

    Of a fault, what it does to a rule, and which sample shows it.

    \b
    plugrad explain                  all laws by family, and the faults
    plugrad explain complex
    plugrad explain no-nan wrong-at-0

    The exit status is 0, or 2 if there is no such law or fault.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    if not names:
        typer.echo("\n".join(_list()))
        return
    pages = ["\n".join(_page(name)) for name in names]
    typer.echo("\n\n\n".join(pages))


def _page(name: str) -> Iterator[str]:
    from plugrad.cli.describing.explanation import fault_lines, law_lines
    from plugrad.cli.output_to_errors import output_to_errors
    from plugrad.plugins.messages import did_you_mean
    from plugrad.testing.check import add_pack_checks
    from plugrad.testing.faults import FAULTS
    from plugrad.testing.laws import LAWS

    fault = name.partition("[")[0]  # dropped[y] is a fault with its variant
    with output_to_errors():
        add_pack_checks(lambda: name in LAWS or fault in FAULTS)
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


def _list() -> Iterator[str]:
    from plugrad.cli.output_to_errors import output_to_errors
    from plugrad.testing.check import add_pack_checks
    from plugrad.testing.faults import FAULTS
    from plugrad.testing.laws import LAWS

    with output_to_errors():
        add_pack_checks(lambda: False)
    wide = max(len(each.id) for each in (*LAWS, *FAULTS)) + 2
    yield "Laws, which plugrad check holds every op to"
    for family, laws in groupby(LAWS, lambda law: law.family):
        yield f"\n{family}"
        yield from (f"  {law.id:<{wide}}{law.why}" for law in laws)
    yield "\nFaults, which plugrad strength puts into a rule to see whether the samples notice\n"
    yield from (f"  {fault.id:<{wide}}{fault.what}" for fault in FAULTS)
    yield "\nplugrad explain LAW or FAULT explains one."
