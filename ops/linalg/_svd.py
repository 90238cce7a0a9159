"""The gradient of the singular value decomposition."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.ops.linalg._ambiguous import check_phase, refuse
from plugrad.ops.linalg._spectrum import in_use, over_gaps, resolution, skew, used_with, visible

_NAME = "svd"


def gradient(
    gu: Tensor | None, gs: Tensor | None, gvh: Tensor | None, u: Tensor, s: Tensor, vh: Tensor
) -> Tensor | None:
    """The gradient of x = u diag(s) vh from those of the three, all without further columns.

    Of the part of u and v that turns alike, over the gaps of s, and of the part that turns
    opposite, over the sums: Giles 2008, section 3.2, in partial fractions, so that equal
    singular values spoil only the first. The parts outside of the spaces of u and v are over s.
    """
    if gu is None and gvh is None:
        return None if gs is None else (u * gs.unsqueeze(-2)) @ vh
    size = max(u.shape[-2], vh.shape[-1])
    gv = None if gvh is None else gvh.mH
    one = None if gu is None else skew(u.mH @ gu)
    other = None if gv is None else skew(vh @ gv)
    zero = torch.zeros_like(one if one is not None else other)  # type: ignore[arg-type]
    one, other = zero if one is None else one, zero if other is None else other
    check_phase((one + other) / 2, _NAME)
    scale = torch.cat([g for g in (gu, gv) if g is not None], -2)
    used = None if gs is None else used_with(scale, gs, s, size)
    core = over_gaps((one + other) / 2, scale, s, used, _NAME, size)
    core = core + _over_sums((one - other) / 2, scale, s, used, size)
    if gs is not None:
        core = core + gs.diag_embed()
    gx = u @ core @ vh
    if gu is not None and u.shape[-2] > u.shape[-1]:
        gx = gx + _outside(gu, u, s, gs is not None, size) @ vh
    if gv is not None and vh.shape[-1] > vh.shape[-2]:
        gx = gx + u @ _outside(gv, vh.mH, s, gs is not None, size).mH
    return gx


def _over_sums(x: Tensor, scale: Tensor, s: Tensor, used: Tensor | None, size: int) -> Tensor:
    """``x[i, j] / (s[i] + s[j])``; the diagonal of a real x is 0."""
    seen = visible(x, scale) if used is None else used.unsqueeze(-2) | used.unsqueeze(-1)
    if not x.is_complex():
        seen = seen & ~torch.eye(s.shape[-1], dtype=torch.bool, device=s.device)
    return _over(x, s.unsqueeze(-2) + s.unsqueeze(-1), resolution(s, size).unsqueeze(-1), seen)


def _outside(g: Tensor, u: Tensor, s: Tensor, values_used: bool, size: int) -> Tensor:
    """The part of a gradient that is orthogonal to u, over s."""
    x = g - u @ (u.mH @ g)
    seen = in_use(g).unsqueeze(-2).expand(x.shape) if values_used else visible(x, g)
    return _over(x, s.unsqueeze(-2), resolution(s, size).unsqueeze(-1), seen)


def _over(x: Tensor, s: Tensor, smallest: Tensor, seen: Tensor) -> Tensor:
    """``x / s``, and 0 where s is 0 and the function does not see it.

    Raises:
        NotDifferentiableError: it does.
    """
    zero = s.detach() <= smallest
    refuse(zero & seen, _NAME, "singular values are 0")
    quotient = torch.where(zero, 0.0, x) / torch.where(zero, 1.0, s)
    return torch.where(zero & seen, torch.nan, quotient)
