"""Refusals of what a factorization leaves open: the basis of a space, the phase of a vector."""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor

from plugrad.errors import NotDifferentiableError
from plugrad.ops._possibly import possibly


def refuse(wrong: Tensor, name: str, why: str, values_used: bool = False) -> None:
    """Raise if any of ``wrong``; under vmap and on fake tensors, where none is known, do not.

    Raises:
        NotDifferentiableError: some element is true.
    """
    if possibly(wrong, False):
        _refuse(name, why, values_used)


def _refuse(name: str, why: str, values_used: bool) -> NoReturn:
    reason = (
        "the gradient of a function of both the values and their vectors is not known from theirs"
        if values_used
        else "the vectors are an arbitrary basis, and the function depends on which"
    )
    raise NotDifferentiableError(
        f"{why}: {reason}",
        where=f"backward of {name}",
        fix="use a function of the matrix itself, as torch.linalg.matrix_exp, matrix_power or "
        "solve; or only the values; or move the values apart by a small diagonal matrix",
    )


def check_phase(difference: Tensor, name: str) -> None:
    """Refuse a function that changes with the phase of complex vectors; torch's tolerance.

    Raises:
        NotDifferentiableError: it does.
    """
    if difference.is_complex():
        turned = difference.detach().diagonal(0, -2, -1).imag
        try:
            invariant = torch.allclose(turned, torch.zeros_like(turned), 1e-2, 1e-2)
        except RuntimeError:  # under vmap and on fake tensors none is known
            return
        if not invariant:
            raise NotDifferentiableError(
                "complex vectors are specified up to multiplication by e^{i phi}; the function "
                "depends on this quantity, so it is ill-defined",
                where=f"backward of {name}",
                fix="use what does not change with the phase: v.abs(), or products such as "
                "v @ v.mH, and u and v together where both turn",
            )
