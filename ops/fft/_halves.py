"""What the three share: their numbers, and what the half of a spectrum stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from plugrad.core import Context
from plugrad.core.unpack import gradient_refused
from plugrad.ops._number import number


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


def numbers(
    ctx: Context, op_name: str, dim: Sequence[Any], normalization: Any
) -> tuple[tuple[int, ...], int]:
    """The dimensions and the normalization of a call, as numbers.

    Raises:
        ArgumentError: an argument that is no tensor asks for a gradient.
    """
    for needed, parameter in zip(ctx.needs_input_grad[1:], _PARAMETERS, strict=False):
        if needed:
            raise gradient_refused(op_name, parameter)
    return tuple([int(number(d)) for d in dim]), int(number(normalization))


_PARAMETERS = ("dim", "normalization", "last_dim_size or onesided")
