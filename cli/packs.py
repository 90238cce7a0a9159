"""``plugrad packs``: the op packs that are installed."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer

from plugrad.cli.checking.console import console
from plugrad.errors import PackSelectionError


def packs(
    load: Annotated[
        bool,
        typer.Option(
            "--load/--no-load",
            help="Load the packs, or only read their metadata, without importing any.",
        ),
    ] = True,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if a pack was set aside.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the installed packs.

    They are listed in the order in which they load. A pack that is broken is set aside;
    with --no-load, "found" means that a pack may load.

    \b
    plugrad packs             load them; show errors too
    plugrad packs --no-load   run none of their code
    plugrad packs --strict    for CI
    plugrad packs --json

    The exit status is 0; 1 with --strict (or PLUGRAD_STRICT=1) if a pack was set aside; 2 if
    the command or a setting is wrong. plugrad doctor shows in full what is wrong with a pack.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    from plugrad.cli.describing.loaded_packs import loaded_packs
    from plugrad.cli.describing.pack_facts import pack_facts, print_packs
    from plugrad.plugins.default import packs as installed
    from plugrad.plugins.selection import PackSettings

    if load:
        loaded_packs(quiet=True)
    try:
        facts = [pack_facts(pack) for pack in installed]
        strict = strict or PackSettings.read(installed.selection).strict
    except PackSelectionError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    if json:
        typer.echo(json_module.dumps(facts, indent=1, ensure_ascii=False))
    elif facts:
        print_packs(console(), facts)
    else:
        typer.echo("no op pack is installed")
    broken = [pack["name"] for pack in facts if pack["error"]]
    if broken:
        typer.echo(f"set aside: {', '.join(broken)} (plugrad doctor says why)", err=True)
    if broken and strict:
        raise typer.Exit(1)
