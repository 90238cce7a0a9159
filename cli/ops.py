"""``plugrad ops``: the registered ops."""

from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING, Annotated

import typer

from plugrad.cli.checking.console import console, print_table
from plugrad.cli.completion import complete_packs
from plugrad.errors import PlugradError

if TYPE_CHECKING:
    from rich.table import Table

    from plugrad.cli.describing.op_facts import OpFacts


def ops(
    pack: Annotated[
        str | None,
        typer.Option(
            help="Only the ops of this pack; the built-in ops are those of the pack plugrad.",
            show_default=False,
            autocompletion=complete_packs,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print everything about each op as JSON.")
    ] = False,
) -> None:
    """List the ops.

    \b
    plugrad ops                   with category and formula
    plugrad ops --pack special    only those of a pack
    plugrad ops --json            everything about them

    The exit status is 0, or 2 if there is no such pack.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    from plugrad.cli.describing.loaded_packs import loaded_packs
    from plugrad.cli.describing.named_op import ops_of
    from plugrad.cli.describing.op_facts import OpFacts
    from plugrad.plugins.default import registry

    installed = loaded_packs()
    try:
        if pack is not None:
            installed.explain_missing(pack)
        entries = list(registry) if pack is None else ops_of(pack)
    except PlugradError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    facts = [OpFacts(entry) for entry in sorted(entries, key=lambda entry: entry.name)]
    if json:
        told = [fact.as_dict() for fact in facts]
        typer.echo(json_module.dumps(told, indent=1, ensure_ascii=False))
    else:
        print_table(console(), _table(facts), prose=True)


def _table(facts: list[OpFacts]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("op", "pack", "category", "formula"):
        table.add_column(name, no_wrap=True)
    for fact in facts:
        table.add_row(fact.entry.name, fact.entry.pack, fact.category or "-", Text(fact.summary))
    return table
