"""The derivatives of A = P L U, which lu, lu_factor_ex and their kin share.

From dA = P (dL U + L dU), whose products with the inverses of L and U are a strictly lower and
an upper triangle: torch/csrc/autograd/FunctionsManual.cpp, linalg_lu_backward, derives it so.
"""

from __future__ import annotations

import torch
from torch import Tensor


def packed(gl: Tensor | None, gu: Tensor | None, rows: int, columns: int) -> Tensor | None:
    """The gradient of the matrix that holds L and U, from theirs."""
    parts = []
    if gl is not None:
        parts.append(_padded(gl.tril(-1), 0, columns - gl.shape[-1]))
    if gu is not None:
        parts.append(_padded(gu.triu(), rows - gu.shape[-2], 0))
    return sum(parts[1:], parts[0]) if parts else None


def gradient(
    gl: Tensor | None, gu: Tensor | None, p: Tensor | None, low: Tensor, u: Tensor
) -> Tensor | None:
    """The gradient of A = P L U from those of L and U; without ``p``, P is 1."""
    if gl is None and gu is None:
        return None
    k = low.shape[-1]
    square, rest = low[..., :k, :], low[..., k:, :]
    gl = torch.zeros_like(low) if gl is None else gl
    gu = torch.zeros_like(u) if gu is None else gu
    below, above = square.mH @ gl[..., :k, :], gu[..., :k] @ u[..., :k].mH
    if u.shape[-1] > k:
        below = below - gu[..., k:] @ u[..., k:].mH
    if low.shape[-2] > k:
        above = above - rest.mH @ gl[..., k:, :]
    core = below.tril(-1) + above.triu()
    ga = _by_lower(square, core, u)
    if u.shape[-1] > k:
        ga = torch.cat((ga, _solved(square.mH, gu[..., k:], upper=True, unitriangular=True)), -1)
    if low.shape[-2] > k:
        ga = torch.cat((ga, _solved(u.mH, gl[..., k:, :], upper=False, left=False)), -2)
    return ga if p is None else p @ ga


def _by_lower(low: Tensor, x: Tensor, u: Tensor) -> Tensor:
    """L^-H x U^-H, of the square parts."""
    right = _solved(u[..., : low.shape[-1]].mH, x, upper=False, left=False)
    return _solved(low.mH, right, upper=True, unitriangular=True)


def _padded(x: Tensor, rows: int, columns: int) -> Tensor:
    if rows:  # torch.nn.functional.pad refused a matrix without elements before 2.13
        x = torch.cat((x, x.new_zeros(()).expand(*x.shape[:-2], rows, x.shape[-1])), -2)
    if columns:
        x = torch.cat((x, x.new_zeros(()).expand(*x.shape[:-1], columns)), -1)
    return x


_solved = torch.linalg.solve_triangular
