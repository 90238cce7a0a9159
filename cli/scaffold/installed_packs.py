"""installed_packs: the packs that are installed here, without loading them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from plugrad.errors import PackSelectionError
from plugrad.plugins.default import packs

if TYPE_CHECKING:
    from plugrad.plugins.pack import Pack


def installed_packs() -> list[Pack]:
    """The packs, from their metadata.

    Raises:
        Exit: a setting is not understood (status 2).
    """
    try:
        return list(packs)
    except PackSelectionError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
