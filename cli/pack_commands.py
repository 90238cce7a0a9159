"""CommandsAndPacks: the command ``plugrad``, to which packs add groups of commands."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from plugrad.cli.pack_warnings import pack_warnings
from plugrad.errors import PlugradError

if TYPE_CHECKING:
    from plugrad.plugins.pack import Pack


class CommandsAndPacks(TyperGroup):
    """plugrad's own commands; ``plugrad NAME-OF-A-PACK`` has those that the pack adds.

    Packs load only for a name that belongs to an installed pack and to no command of plugrad.
    The help reads their names from metadata, and TAB does not even do that: whatever a pack
    does when it is imported, a mistyped command and the help keep working.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and not ctx.resilient_parsing and _may_load(cmd_name):
            group = _group(cmd_name)
            if group is not None:
                self.commands[cmd_name] = group
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        own = ctx.resilient_parsing or name.startswith("-")
        if not own and self.get_command(ctx, name) is None:
            _explain(name)
            from plugrad.plugins.messages import did_you_mean

            known = dict.fromkeys([*self.commands, *self._packs_that_may_add()])
            ctx.fail(
                f"there is no command {name!r}\n"
                f"  fix: {did_you_mean(name, known)}plugrad --help lists the commands"
            )
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        super().format_epilog(ctx, formatter)
        with contextlib.suppress(typer.Exit):  # a wrong setting is reported; the help goes on
            names = self._packs_that_may_add()
            if names:
                formatter.write_paragraph()
                formatter.write_text(
                    f"Packs may add commands: plugrad PACK --help (installed: {', '.join(names)})"
                )

    def _packs_that_may_add(self) -> list[str]:
        """The names that make packs load."""
        names = dict.fromkeys(pack.name for pack in _installed() if _is_usable(pack))
        return [name for name in names if name not in self.commands]


def _installed() -> list[Pack]:
    try:
        if "torch" in sys.modules:
            from plugrad.plugins.default import packs

            return list(packs)
        from plugrad.plugins.discovery import find_packs
        from plugrad.plugins.selection import PackSettings

        return find_packs(PackSettings.read(None).selection)  # the help does not wait for torch
    except PlugradError as error:  # a setting that is not understood
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error


def _may_load(name: str) -> bool:
    return any(pack.name == name and _is_usable(pack) for pack in _installed())


def _is_usable(pack: Pack) -> bool:
    return pack.status in ("found", "loaded")


def _group(name: str) -> Any:
    """The commands of an installed pack, after loading the packs; None if it has none."""
    from plugrad.cli.describing.loaded_packs import loaded_packs
    from plugrad.plugins.default import manager
    from plugrad.plugins.hooks import call_each
    from plugrad.plugins.messages import warn_all

    pack = loaded_packs(quiet=True)[name]
    plugin = manager.get_plugin(name) if pack.status == "loaded" else None
    if plugin is None:
        return None
    app = typer.Typer(
        name=name,
        help=f"Commands of the pack {name}.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    with pack_warnings():
        failed = list(call_each(manager, "plugrad_add_commands", only=plugin, app=app))
        warn_all(failed)
        if failed or not (app.registered_commands or app.registered_groups):
            return None
        try:
            return get_group(app)
        except Exception as error:  # typer reads the signatures of the pack's functions here
            typer.echo(
                f"Warning: the commands of the pack {name} are left out: "
                f"{type(error).__name__}: {error}\n"
                "  fix: the pack's author should try them with typer alone",
                err=True,
            )
            return None


def _explain(name: str) -> None:
    """End with why an installed pack of this name has no commands."""
    from plugrad.plugins.default import packs

    if name not in {pack.name for pack in _installed()}:
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
