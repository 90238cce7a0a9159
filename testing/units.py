"""units: the cotangents that give a Jacobian row by row."""

from __future__ import annotations

import torch
from torch import Tensor


def units(output: Tensor) -> list[Tensor]:
    """A tensor like ``output`` for each of its real coordinates.

    e_k for each element, and of a complex output i e_k too.
    """
    ones: tuple[complex, ...] = (1, 1j) if output.is_complex() else (1,)
    made = []
    for place in range(output.numel()):
        for one in ones:
            flat = torch.zeros(output.numel(), dtype=output.dtype, device=output.device)
            flat[place] = one  # type: ignore[assignment]  # its stub knows no complex
            made.append(flat.reshape(output.shape))
    return made
