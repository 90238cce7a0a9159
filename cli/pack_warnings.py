"""pack_warnings: plugrad's warnings about packs, printed as a command prints them."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

import typer

from plugrad.cli.output_to_errors import output_to_errors
from plugrad.errors import PackWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def pack_warnings(untold: Callable[[str], bool] | None = None) -> Iterator[None]:
    """Run packs' code; its warnings, and what it prints, go to standard error.

    Args:
        untold: whether to drop a warning.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PackWarning)
        try:
            with output_to_errors():
                yield
        finally:  # they may say why it raised
            for message in dict.fromkeys(str(warning.message) for warning in caught):
                if untold is None or not untold(message):
                    typer.echo(f"Warning: {message}", err=True)
