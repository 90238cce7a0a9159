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

    For its own derivative it is the polynomial of Faddeev and LeVerrier.

    Raises:
        NotDifferentiableError: x is so large that the polynomial loses its digits.
    """
    u, s, vh = torch.linalg.svd(x.detach())
    others = s.unsqueeze(-2).expand(*s.shape, s.shape[-1])
    one = torch.eye(s.shape[-1], dtype=torch.bool, device=s.device)
    products = torch.where(one, 1.0, others).prod(-1)
    scale = conj(torch.linalg.det(u) * torch.linalg.det(vh))[..., None, None]
    adjugate = scale * (u * products.unsqueeze(-2)) @ vh
    if x.requires_grad:
        one = one.to(x.dtype)
        m = one
        for k in range(1, x.shape[-1]):
            product = x @ m
            m = product.diagonal(0, -2, -1).sum(-1)[..., None, None] * one / k - product
        m = m.mH
        if possibly(visible(m - adjugate, adjugate), False):
            raise NotDifferentiableError(
                f"the second derivative of the determinant of a singular matrix of size "
                f"{x.shape[-1]} loses its digits",
                where="double backward of linalg.det",
                fix="take the derivative at a matrix that is not singular",
            )
        adjugate = adjugate + (m - m.detach())
    return gy[..., None, None] * adjugate
