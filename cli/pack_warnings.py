"""pack_warnings: what plugrad warns of packs, told as a command tells it."""

from __future__ import annotations

import contextlib
import sys
import warnings
from typing import TYPE_CHECKING

import typer

from plugrad.errors import PackWarning

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def pack_warnings(*, quiet: bool = False) -> Iterator[None]:
    """Run packs' code; its warnings, and what it prints, go to standard error.

    Args:
        quiet: drop the warnings.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PackWarning)
        with contextlib.redirect_stdout(sys.stderr):  # a pack may print, and we JSON
            yield
    for warning in caught if not quiet else ():
        typer.echo(f"Warning: {warning.message}", err=True)
