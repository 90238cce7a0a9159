"""CommandsAndPacks: the command ``plugrad``, to which packs add groups of commands."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from plugrad.cli.pack_warnings import pack_warnings
from plugrad.errors import PlugradError

if TYPE_CHECKING:
    from collections.abc import Iterator


class CommandsAndPacks(TyperGroup):
    """plugrad's own commands; ``plugrad NAME-OF-A-PACK`` has those that the pack adds.

    A name that is none of its own makes the packs load, and so does the list of the
    commands. TAB does not: completion runs no code of a pack.
    """

    _asked = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and not ctx.resilient_parsing:
            self._ask_packs()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        if not ctx.resilient_parsing:
            with contextlib.suppress(typer.Exit):  # a wrong setting is told; help goes on
                self._ask_packs()
        return super().list_commands(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            _explain(args[0])
        return super().resolve_command(ctx, args)

    def _ask_packs(self) -> None:
        if self._asked:
            return
        self._asked = True
        for name, group in _groups():
            if self.commands.setdefault(name, group) is not group:
                typer.echo(
                    f"Warning: plugrad {name} is plugrad's own command, so those of the pack "
                    f"{name} cannot be called\n  fix: its author should rename the pack",
                    err=True,
                )


def _groups() -> Iterator[tuple[str, Any]]:
    """The commands of each pack that loads and has some, by the pack's name."""
    from plugrad.cli.describing.loaded_packs import loaded_packs
    from plugrad.plugins.call_each import call_each
    from plugrad.plugins.manager import manager

    for pack in loaded_packs(quiet=True):
        plugin = manager.get_plugin(pack.name) if pack.status == "loaded" else None
        if plugin is None:
            continue
        app = typer.Typer(
            name=pack.name,
            help=f"Commands of the pack {pack.name}.",
            no_args_is_help=True,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
        )
        with pack_warnings():
            fine = call_each(manager, "plugrad_add_commands", only=plugin, app=app)
        if fine and (app.registered_commands or app.registered_groups):
            yield from _group(pack.name, app)


def _group(pack: str, app: typer.Typer) -> Iterator[tuple[str, Any]]:
    try:
        yield pack, get_group(app)
    except Exception as error:  # typer reads the signatures of the pack's functions here
        typer.echo(
            f"Warning: the commands of the pack {pack} are left out: "
            f"{type(error).__name__}: {error}\n  fix: its author should try them with typer alone",
            err=True,
        )


def _explain(name: str) -> None:
    """End with why an installed pack of this name has no commands."""
    from plugrad.plugins.manager import packs

    if name not in {pack.name for pack in packs}:
        return
    try:
        packs.explain_missing(name)
    except PlugradError as error:
        typer.echo(f"Error: {error}", err=True)
        if error.__cause__ is not None:
            typer.echo(f"  because: {error.__cause__}", err=True)
    else:
        typer.echo(
            f"Error: the pack {name} adds no commands\n"
            f"  fix: plugrad ops --pack {name} lists its ops",
            err=True,
        )
    raise typer.Exit(2)
