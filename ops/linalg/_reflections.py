"""Products of Householder reflections, which householder_product and ormqr are made of.

Reflection i is 1 - tau[i] v v^H, with v = 1 at row i, column i of the matrix below it, and 0
above. The gradient goes through them one by one, each with what it was applied to, which is
computed anew: nothing is divided by, so tau may be anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from plugrad.core import conj


def gradients(
    gz: Tensor, x: Tensor, tau: Tensor, y: Tensor, adjoint: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, tau and y in z = Q y, or Q^H y with ``adjoint``.

    Args:
        gz: the gradient of z.
        x: the matrix below whose diagonal are the reflections.
        tau: their factors.
        y: what they are applied to.
        adjoint: whether the last reflection, then conjugated, comes last.
    """
    vectors = _vectors(x, tau.shape[-1])
    factors = (conj(tau) if adjoint else tau)[..., None, None, :].unbind(-1)
    count = len(vectors)
    order = range(count) if adjoint else range(count)[::-1]
    before: list[Tensor] = []  # what the reflections of ``order`` meet
    for i in order:
        before.append(y)
        y = y - factors[i] * vectors[i] @ (vectors[i].mH @ y)
    g_vectors, g_tau = [gz] * count, [gz] * count
    for i, met in zip(reversed(order), reversed(before), strict=True):
        v, factor = vectors[i], factors[i]
        row, turned = v.mH @ met, v.mH @ gz
        g_tau[i] = -(conj(row) * turned).sum((-2, -1))
        g_vectors[i] = -conj(factor) * gz @ row.mH - factor * met @ turned.mH
        gz = gz - conj(factor) * v @ turned
    return _matrix(g_vectors, x), _factors(g_tau, tau, adjoint), gz


def _vectors(x: Tensor, count: int) -> list[Tensor]:
    units = torch.eye(x.shape[-2], x.shape[-1], dtype=x.dtype, device=x.device)
    below = x.tril(-1) + units
    return [below[..., i : i + 1] for i in range(count)]


def _matrix(columns: Sequence[Tensor], x: Tensor) -> Tensor:
    rest = torch.zeros_like(x[..., len(columns) :])
    if not columns:
        return rest
    return torch.cat([*columns, rest], -1).tril(-1)


def _factors(parts: Sequence[Tensor], tau: Tensor, adjoint: bool) -> Tensor:
    if not parts:
        return torch.zeros_like(tau)
    joined = torch.stack(list(parts), -1)
    return conj(joined) if adjoint else joined
