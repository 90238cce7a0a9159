"""check_torch_function: the torch function that ``--overrides`` names."""

from __future__ import annotations

from functools import reduce

import torch
import typer

from plugrad.plugins.default import registry


def check_torch_function(path: str) -> None:
    """Refuse a name that is not a torch function, or that a built-in op stands for.

    Args:
        path: as in ``torch.special.erfcx``.

    Raises:
        BadParameter: it is.
    """
    first, *parts = path.split(".")
    try:
        found = reduce(getattr, parts, torch)
    except AttributeError:
        found = None
    if first != "torch" or not parts or not callable(found) or isinstance(found, type):
        raise typer.BadParameter(
            f"{path!r} is not a function in torch\n"
            "  fix: write it out, as in torch.special.erfcx or torch.nn.functional.mish",
            param_hint="--overrides",
        )
    for entry in registry:
        if entry.rank == 0 and found in entry.torch_callables():
            raise typer.BadParameter(
                f"the built-in {entry.name} stands for {path} already\n"
                "  fix: leave --overrides out, and give your op a name of its own",
                param_hint="--overrides",
            )
