"""PackName: the three names of a pack."""

from __future__ import annotations

from dataclasses import dataclass

import typer
from typer.main import get_group

from plugrad.cli.scaffold.installed_packs import installed_packs
from plugrad.cli.scaffold.legal_name import check_legal_name
from plugrad.errors import PackDefinitionError
from plugrad.plugins.default import registry
from plugrad.plugins.pack import Pack
from plugrad.plugins.selection import normalized

_HINT = "NAME"


@dataclass(frozen=True)
class PackName:
    """The names that follow from a pack's: of its distribution and its package."""

    #: ``soft_clip``: in ``x.soft_clip.op()`` and ``soft_clip::op``.
    pack: str

    @property
    def distribution(self) -> str:
        """What pip installs: ``plugrad-soft-clip``."""
        return f"plugrad-{self.pack.replace('_', '-')}"

    @property
    def module(self) -> str:
        """What Python imports: ``plugrad_soft_clip``."""
        return f"plugrad_{self.pack}"

    @classmethod
    def parse(cls, text: str) -> PackName:
        """Read ``soft_clip``, ``soft-clip``, ``plugrad-soft-clip`` or ``plugrad_soft_clip``.

        Raises:
            BadParameter: no pack can have the name, or one that is installed here has it.
        """
        name = text.replace("-", "_")
        name = name.removeprefix("plugrad_")
        if text and not name:
            raise typer.BadParameter(
                f"{text!r} is not a valid name for a pack: nothing follows plugrad\n"
                "  fix: write a name after it, as in plugrad-softclip",
                param_hint=_HINT,
            )
        check_legal_name(name, "a pack", _HINT)
        made = cls(name)
        made._check_no_command()
        made._check_free()
        made._check_not_installed()
        return made

    def _check_no_command(self) -> None:
        """Refuse the name of one of plugrad's own commands."""
        from plugrad.cli.app import app  # which imports this module's command

        if self.pack in get_group(app).commands:
            raise typer.BadParameter(
                f"plugrad {self.pack} is plugrad's own command, so the pack could have none\n"
                f"  fix: choose another, e.g. {self.pack}_ops",
                param_hint=_HINT,
            )

    def _check_free(self) -> None:
        """Refuse what plugrad's registry would refuse."""
        try:
            Pack(self.pack, self.distribution, "0.1.0", f"{self.module}.plugin").validate()
            registry.validate_pack_name(self.pack, "plugrad new-pack")
        except PackDefinitionError as error:
            raise typer.BadParameter(
                f"{error.what}\n  fix: choose another, e.g. {self.pack}_ops", param_hint=_HINT
            ) from error

    def _check_not_installed(self) -> None:
        """Refuse a name that would get in the way of a pack's that is installed here."""
        for pack in installed_packs():
            if pack.name == self.pack or normalized(pack.distribution) == self.distribution:
                raise typer.BadParameter(
                    f"a pack named {pack.name!r} is installed already, from {pack.source}\n"
                    f"  fix: choose another name, or first pip uninstall {pack.distribution}",
                    param_hint=_HINT,
                )
