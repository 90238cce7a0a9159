"""What the half of a spectrum stands for."""

from __future__ import annotations

from torch import Tensor


def weighted(spectrum: Tensor, dim: int, size: int, weight: float) -> Tensor:
    """``spectrum`` with ``weight`` on the elements along ``dim`` whose conjugates are left out.

    These are all but the first and, if the signal's ``size`` is even, the last.
    """
    twice = (size - 1) // 2
    if not twice:
        return spectrum
    weights = spectrum.new_ones(spectrum.shape[dim]).real
    weights[1 : 1 + twice] = weight
    shape = [1] * spectrum.dim()
    shape[dim] = -1
    return spectrum * weights.view(shape)
