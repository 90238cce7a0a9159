"""The gradient of the Cholesky factor, and of what is computed from one."""

from __future__ import annotations

import torch
from torch import Tensor


def gradient(gl: Tensor, factor: Tensor, upper: bool) -> Tensor:
    """The gradient of a = l l^H, or l^H l with ``upper``, from that of l; it is Hermitian.

    If the diagonal of gl is not real, nor is that of the gradient: a Hermitian a does not move
    along it, and so does torch.

    l^-H h(l^H gl) l^-1, h the Hermitian matrix half of whose lower triangle is its argument's:
    Giles 2008, section 3.3, and Murray 2016, "Differentiation of the Cholesky decomposition".
    """
    if upper:
        factor, gl = factor.mH, gl.mH
    half = (factor.mH @ gl).tril()
    half = (half + half.tril(-1).mH) / 2
    ga = torch.linalg.solve_triangular(factor.mH, half, upper=True)
    return torch.linalg.solve_triangular(factor, ga, upper=False, left=False)


def of_product(ga: Tensor, factor: Tensor, upper: bool) -> Tensor:
    """The gradient of the factor l from that of l l^H, or of l^H l with ``upper``."""
    ga = ga + ga.mH
    return (factor.triu() @ ga).triu() if upper else (ga @ factor.tril()).tril()
