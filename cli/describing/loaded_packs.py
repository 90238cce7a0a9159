"""loaded_packs: the packs, loaded; what is wrong with them goes to standard error."""

from __future__ import annotations

import contextlib
import sys
import warnings
from typing import TYPE_CHECKING

import typer

from plugrad.cli.known_ops import remember_ops
from plugrad.errors import PackError, PackSelectionError, PackWarning
from plugrad.plugins.manager import packs, registry

if TYPE_CHECKING:
    from plugrad.plugins.packs import Packs


def loaded_packs(*, quiet: bool = False) -> Packs:
    """``plugrad.packs`` after its packs were loaded.

    Args:
        quiet: say nothing of those that are set aside, and do not let PLUGRAD_STRICT end
            the command for one: the caller shows them.

    Raises:
        Exit: a setting is not understood, with status 2; or one was set aside in strict
            mode, with status 1.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PackWarning)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # a pack may print, and we JSON
                packs.load()
        except PackSelectionError as error:
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(2) from error
        except PackError as error:
            if not quiet:
                typer.echo(f"Error: {error}", err=True)
                raise typer.Exit(1) from error
    for warning in caught if not quiet else ():
        typer.echo(f"Warning: {warning.message}", err=True)
    remember_ops(packs, registry)
    return packs
