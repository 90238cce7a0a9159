"""check_op_name: whether an op of a pack can have a name."""

from __future__ import annotations

import torch
import typer

from plugrad.cli.scaffold.legal_name import check_legal_name
from plugrad.errors import PackDefinitionError
from plugrad.plugins.default import registry

#: Names that are not ops in a pack made here: its modules, and what its ``__init__.py`` imports.
_OWN_MODULES = ("ops", "plugin")
_IMPORTED = ("annotations", "plugrad")


def check_op_name(op: str, hint: str, overrides: str | None = None, fix: str | None = None) -> None:
    """Refuse a name that is taken, or that means another function in torch.

    Args:
        op: the op's name, without its pack's.
        hint: the parameter that gave it.
        overrides: the torch function that it is going to stand for.
        fix: what to do about such a name, if the command has no --overrides.

    Raises:
        BadParameter: no op of a pack can have the name.
    """
    check_legal_name(op, "an op", hint)
    if op in _OWN_MODULES:
        _refuse(op, hint, f"the pack has a module {op}", fix)
    if op in _IMPORTED:
        _refuse(op, hint, f"the pack's own module has another {op}", fix)
    try:
        registry.validate_pack_name(op, "")  # ops and packs share their namespaces
    except PackDefinitionError as error:
        _refuse(op, hint, error.what.partition(": ")[2], fix)
    if overrides is None and callable(getattr(torch.Tensor, op, None)):
        raise typer.BadParameter(
            f"torch.Tensor has {op!r}, so an op of this name must do the same, and the example "
            "that would be written does not\n  fix: "
            + (
                fix
                or f"--overrides {_torch_name(op)} writes an op that stands for torch's and leaves "
                "the gradient to you; or choose another name"
            ),
            param_hint=hint,
        )


def _refuse(op: str, hint: str, reason: str, fix: str | None) -> None:
    raise typer.BadParameter(
        f"{op!r} is not a valid name for an op of a pack: {reason}\n"
        f"  fix: {fix or f'choose another, e.g. soft_{op}'}",
        param_hint=hint,
    )


def _torch_name(op: str) -> str:
    return f"torch.{op}" if hasattr(torch, op) else f"torch.Tensor.{op}"
