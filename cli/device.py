"""usable_device: the device that an option names."""

from __future__ import annotations

import torch
import typer


def usable_device(name: str) -> torch.device:
    """Return the device called ``name``, if a sum can be computed on it.

    Raises:
        BadParameter: it can't; the error names the devices that can.
    """
    try:
        device = torch.device(name)
        torch.ones(1, device=device).add(1).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise typer.BadParameter(
            f"{name!r} is not a device that torch can use here: {reason}\n"
            f"  fix: choose one of these: {', '.join(_usable_devices())}",
            param_hint="--device",
        ) from error
    return device


def _usable_devices() -> list[str]:
    usable = ["cpu"]
    # Before torch 2.7 current_accelerator() raises where there is none, and takes no argument.
    if torch.accelerator.is_available():
        accelerator = torch.accelerator.current_accelerator()
        if accelerator is not None:
            usable.append(accelerator.type)
    return usable
