"""The app: one command a module, put together here."""

from __future__ import annotations

import typer

from plugrad.cli.check import check
from plugrad.cli.demo import demo
from plugrad.cli.strength import strength

# Without rich's boxes: help and errors stay plain text, in a pipe too.
app = typer.Typer(
    name="plugrad",
    help="An open op registry and autograd engine over torch tensors.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(check)
app.command()(demo)
app.command()(strength)


@app.callback()
def _commands() -> None:
    """Make typer expect a command's name even while there is only one command."""
