"""Vectors that belong to values: what the derivatives of eigh, eig and svd divide by.

An eigenvector turns towards another by an amount over the distance of their values. Where values
repeat, the vectors are any basis of their space. A function of the space alone does not see the
choice, and what it sees of the turning is 0. Of a function that also uses the values (a matrix
square root by its spectrum) the gradient would need what such a cotangent does not have: it is an
error, as is a function of the choice, and never a wrong number.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.ops.linalg._ambiguous import refuse


def skew(x: Tensor) -> Tensor:
    """The skew-Hermitian part, twice."""
    return x - x.mH


def over_gaps(
    x: Tensor, scale: Tensor, values: Tensor, used: Tensor | None, name: str, size: int = 0
) -> Tensor:
    """``x[i, j] / (values[j] - values[i])``, and 0 on the diagonal and where values repeat.

    Args:
        x: what the function sees of the vectors' turning towards one another.
        scale: what x was computed from, which tells what is rounding in it.
        values: eigenvalues or singular values.
        used: which vectors the function uses, if it uses the values as well, else None.
        name: of the op, for the error.
        size: of the matrix, by default the number of values.

    Raises:
        NotDifferentiableError: values repeat, and x does not say what is in place of the limit.
    """
    gaps = values.unsqueeze(-2) - values.unsqueeze(-1)
    equal = gaps.detach().abs() <= resolution(values, size).unsqueeze(-1)
    apart = ~torch.eye(values.shape[-1], dtype=torch.bool, device=values.device)
    seen = visible(x, scale) if used is None else used.unsqueeze(-2) | used.unsqueeze(-1)
    wrong = equal & apart & seen
    refuse(wrong, name, "values repeat", used is not None)
    quotient = torch.where(equal, 0.0, x) / torch.where(equal, 1.0, gaps)
    return torch.where(wrong, torch.nan, quotient)


def resolution(values: Tensor, size: int = 0) -> Tensor:
    """How far apart computed values may be and still be the same, for each matrix.

    Values that repeat come out apart by up to 13 eps in 4 x 4 and 25 eps in 40 x 40 matrices: about
    as the root of the size, not as the size, which is too little for few and too much for many.
    """
    if not values.shape[-1]:
        return values.detach().abs().sum(-1, True)
    epsilon = torch.finfo(values.dtype).eps
    rounding = 8 * epsilon * max(size, values.shape[-1]) ** 0.5
    return values.detach().abs().amax(-1, True) * rounding


def visible(x: Tensor, scale: Tensor) -> Tensor:
    """Which elements of ``x`` are more than rounding, beside the largest of ``scale``."""
    size, largest = x.detach().abs(), scale.detach().abs()
    if not size.numel():
        return size > 0
    return size > largest.amax((-2, -1), True) * torch.finfo(x.dtype).eps ** 0.5


def in_use(gradient: Tensor) -> Tensor:
    """The vectors (columns) whose gradient is not 0."""
    return (gradient.detach() != 0).any(-2)


def used_with(gradient: Tensor, of_values: Tensor, values: Tensor, size: int = 0) -> Tensor:
    """The vectors in use, and those of values that repeat though their gradients differ.

    A function of both can have a gradient of exactly 0 in the vectors, as the cube of the identity
    by its spectrum has: then those of the values are not all.
    """
    gaps = values.unsqueeze(-2) - values.unsqueeze(-1)
    equal = gaps.detach().abs() <= resolution(values, size).unsqueeze(-1)
    differ = visible(of_values.unsqueeze(-2) - of_values.unsqueeze(-1), of_values.unsqueeze(-1))
    return in_use(gradient) | (equal & differ).any(-1)


def with_values(gradient: Tensor, values: Tensor) -> Tensor:
    """``gradient``, of the values; if it has one itself, it tells ``values`` that they are used."""
    return gradient + 0.0 * values if gradient.requires_grad else gradient


def completed(
    q: Tensor, rest: Tensor, gq: Tensor | None, g_rest: Tensor | None, name: str
) -> Tensor | None:
    """The gradient of orthonormal columns ``q``, with that of those which complete them in it.

    The rest turns against q as q turns against the rest: d rest = -q dq^H rest.

    Raises:
        NotDifferentiableError: the function depends on which basis the rest is.
    """
    if g_rest is None or not rest.shape[-1]:
        return gq
    refuse(visible(skew(rest.mH @ g_rest), g_rest), name, "the matrix is not square")
    through = -rest @ (g_rest.mH @ q)
    return through if gq is None else gq + through
