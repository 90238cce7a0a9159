"""The app: each command is a module; they are put together here."""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from plugrad.cli.check import check
from plugrad.cli.demo import demo
from plugrad.cli.doctor import doctor
from plugrad.cli.explain import explain
from plugrad.cli.graph import graph
from plugrad.cli.new_op import new_op
from plugrad.cli.new_pack import new_pack
from plugrad.cli.ops import ops
from plugrad.cli.pack_commands import CommandsAndPacks
from plugrad.cli.packs import packs
from plugrad.cli.show import show
from plugrad.cli.strength import strength
from plugrad.cli.stubs import stubs

# Without rich's boxes: help and errors stay plain text, in a pipe too.
app = typer.Typer(
    name="plugrad",
    cls=CommandsAndPacks,
    help="An open op registry and autograd engine over torch tensors.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(check)
app.command()(demo)
app.command()(doctor)
app.command()(explain)
app.command()(graph)
app.command()(new_op)
app.command()(new_pack)
app.command()(ops)
app.command()(packs)
app.command()(show)
app.command()(strength)
app.command()(stubs)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"plugrad {_version()}")
        raise typer.Exit


def _version() -> str:
    try:
        return metadata.version("plugrad")  # which, unlike plugrad.__version__, needs no torch
    except metadata.PackageNotFoundError:  # a checkout on PYTHONPATH
        import plugrad

        return plugrad.__version__


@app.callback()
def _commands(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Make typer expect a command's name even while there is only one command."""
