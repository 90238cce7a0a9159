"""loaded_packs: the packs, loaded; what is wrong with them goes to standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from plugrad.cli.known_ops import remember_ops
from plugrad.cli.pack_warnings import pack_warnings
from plugrad.errors import PackError, PackSelectionError
from plugrad.plugins.default import packs, registry

if TYPE_CHECKING:
    from plugrad.plugins.packs import Packs


def loaded_packs(*, quiet: bool = False) -> Packs:
    """``plugrad.packs`` after its packs were loaded.

    Args:
        quiet: do not report packs that are set aside, nor let PLUGRAD_STRICT end the command
            for one: the caller shows them.

    Raises:
        Exit: a setting is not understood (status 2), or a pack was set aside in strict
            mode (status 1).
    """
    try:
        with pack_warnings(_is_of_one_set_aside if quiet else None):
            packs.load(strict=False if quiet else None)
    except PackSelectionError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    except PackError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    remember_ops(packs, registry)
    return packs


def _is_of_one_set_aside(message: str) -> bool:
    starts = [f"the pack {pack.name} of {pack.source} is set aside: " for pack in packs]
    return message.startswith(tuple(starts))
