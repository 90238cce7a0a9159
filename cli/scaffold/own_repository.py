"""OwnRepository: a checkout of plugrad, to add a built-in op to."""

from __future__ import annotations

import keyword
import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch
import typer

from plugrad.cli.scaffold.installed_packs import installed_packs
from plugrad.cli.scaffold.op_module import OpModule
from plugrad.plugins.default import registry

#: Where torch has the functions whose ops a category holds, and what their names begin with.
_OF_TORCH = {
    "linalg": ("linalg.", ""),
    "fft": ("fft.", ""),
    **dict.fromkeys(
        (
            "activation",
            "attention",
            "convolution",
            "dropout",
            "embedding",
            "loss",
            "normalization",
            "padding",
            "pooling",
        ),
        ("nn.functional.", ""),
    ),
}
#: The categories whose ops are elementwise.
_ELEMENTWISE = ("comparison", "elementwise", "special")
#: Where torch has further ones. Their ops' names do not begin with it: a built-in op
#: ``special.entr`` would leave no name to a pack ``special``.
_SPECIAL = "special."


@dataclass(frozen=True)
class OwnRepository:
    """The root of the checkout."""

    root: Path

    @classmethod
    def is_here(cls) -> bool:
        """Whether the next pyproject.toml upwards is plugrad's own."""
        here = Path.cwd()
        found = (path for path in (here, *here.parents) if (path / "pyproject.toml").exists())
        return _is_plugrad(next(found, here))

    @property
    def ops(self) -> Path:
        """The folder of the categories."""
        return self.root / "ops"

    @classmethod
    def find(cls) -> OwnRepository:
        """The checkout of plugrad that the working directory is in.

        Raises:
            BadParameter: it is not in one.
        """
        here = Path.cwd()
        for folder in (here, *here.parents):
            if _is_plugrad(folder):
                return cls(Path(os.path.relpath(folder)))
        raise _bad(
            f"{here} is not in a checkout of plugrad's repository",
            "change to one; or leave the category out, for an op of a pack",
        )

    def op_module(self, category: str, op: str, overrides: str | None) -> OpModule:
        """The op ``op`` of a category; it stands for torch's function of the same name, if any.

        Raises:
            BadParameter: there is no such category, or an op of the name.
        """
        categories = sorted(path.parent.name for path in self.ops.glob("*/__init__.py"))
        if category not in categories:
            raise _bad(
                f"there is no category {category!r}",
                f"the categories, the folders of ops/, are {', '.join(categories)}",
            )
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", op) or keyword.iskeyword(op):
            raise _bad(
                f"{op!r} is not a valid name for an op", "write torch's name, as in special/erfc"
            )
        if overrides is None:
            found = next((p + op for p in _prefixes(category) if _has(p + op)), None)
            overrides = found and f"torch.{found}"
        name = op if overrides is None else overrides.removeprefix("torch.").removeprefix(_SPECIAL)
        _refuse_pack(name, op)
        taken = registry.find(name) or registry.owner(op)
        if taken is not None or op in registry.reserved:
            owner = (
                f"belongs to {taken.name}, in {taken.module}"
                if taken
                else "belongs to Variable itself"
            )
            raise _bad(f"the name {op!r} {owner}", "choose another")
        return OpModule(op, name, overrides, builtin=True, elementwise=category in _ELEMENTWISE)


def _prefixes(category: str) -> tuple[str, ...]:
    return (*_OF_TORCH.get(category, ("",)), _SPECIAL)


def _refuse_pack(name: str, op: str) -> None:
    """Refuse the name of a pack that is installed here: the pack could not load any more."""
    for pack in installed_packs():
        if pack.name in (name.partition(".")[0], op):
            raise _bad(
                f"the op {name!r} would take its name from the pack {pack.name} of {pack.source}",
                "choose another",
            )


def _has(name: str) -> bool:
    found: object = torch
    for part in name.split("."):
        found = getattr(found, part, None)
    return callable(found) and not isinstance(found, type)


def _is_plugrad(folder: Path) -> bool:
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return '\nname = "plugrad"\n' in text and (folder / "ops" / "__init__.py").is_file()


def _bad(what: str, fix: str) -> typer.BadParameter:
    return typer.BadParameter(f"{what}\n  fix: {fix}", param_hint="NAME")
