"""The gradient of the determinant of a singular matrix, which has no inverse."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.core import conj
from plugrad.errors import NotDifferentiableError
from plugrad.ops._possibly import possibly
from plugrad.ops.linalg._spectrum import visible


def adjugate_part(gy: Tensor, x: Tensor) -> Tensor:
    """The product of gy and adj(x)^H.

    Raises:
        NotDifferentiableError: its own derivative loses its digits.
    """
    u, s, vh = torch.linalg.svd(x.detach())
    others = s.unsqueeze(-2).expand(*s.shape, s.shape[-1])
    one = torch.eye(s.shape[-1], dtype=torch.bool, device=s.device)
    adjugate = torch.where(one, 1.0, others).prod(-1).to(x.dtype).diag_embed()
    if x.requires_grad:
        adjugate = _differentiable(adjugate, s, u.mH @ (x - x.detach()) @ vh.mH)
    scale = gy * conj(torch.linalg.det(u) * torch.linalg.det(vh))
    return scale[..., None, None] * (u @ adjugate.mH @ vh)


def _differentiable(adjugate: Tensor, s: Tensor, step: Tensor) -> Tensor:
    """``adjugate``, that of diag(s), as a function of a step from there, which is 0."""
    x = s.to(step.dtype).diag_embed() + step
    again = _of_each_rank(x, s)
    if possibly(visible(again - adjugate, adjugate), False):
        raise NotDifferentiableError(
            f"the second derivative of the determinant of a singular matrix of size "
            f"{s.shape[-1]} loses its digits",
            where="double backward of linalg.det",
            fix="take the derivative at a matrix that is not singular",
        )
    return adjugate + (again - again.detach())


def _of_each_rank(x: Tensor, s: Tensor) -> Tensor:
    """The adjugates of x, by blocks that are as large as the singular values ``s`` allow."""
    large = (s > s[..., :1] * torch.finfo(s.dtype).eps ** 0.5).sum(-1).clamp_max(s.shape[-1] - 1)
    try:
        sizes = sorted({int(size) for size in large.flatten()})
    except RuntimeError:  # under vmap nobody can tell
        return _polynomial(x)
    found = x
    one = torch.eye(s.shape[-1], dtype=x.dtype, device=x.device)
    for size in sizes:
        at = (large == size)[..., None, None]
        found = torch.where(at, _by_blocks(torch.where(at, x, one), size), found)
    return found


def _by_blocks(x: Tensor, size: int) -> Tensor:
    """The adjugate of x, whose first block, of this size, has an inverse."""
    if not size:
        return _polynomial(x)
    a, p = x[..., :size, :size], x[..., :size, size:]
    q, b = x[..., size:, :size], x[..., size:, size:]
    inverse = torch.linalg.inv(a)
    left, right = inverse @ p, q @ inverse
    rest = b - q @ left
    corner = _polynomial(rest)
    determinant = (rest @ corner).diagonal(0, -2, -1).mean(-1)[..., None, None]
    above = torch.cat([determinant * inverse + left @ corner @ right, -left @ corner], -1)
    below = torch.cat([-corner @ right, corner], -1)
    return torch.linalg.det(a)[..., None, None] * torch.cat([above, below], -2)


def _polynomial(x: Tensor) -> Tensor:
    """The adjugate of x, by Faddeev and LeVerrier."""
    one = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    m = one.expand(x.shape)
    for k in range(1, x.shape[-1]):
        product = x @ m
        m = product.diagonal(0, -2, -1).sum(-1)[..., None, None] * one / k - product
    return m
