"""Products of matrices in groups: the reference, and torch's kernel for any layout."""

from __future__ import annotations

import torch
from torch import Tensor


def by_group(
    x: Tensor,
    y: Tensor,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> Tensor:
    """Multiply group by group, what torch's kernel takes; what is in no group is 0."""
    torch._grouped_mm(x.detach(), y.detach(), offs, bias, out_dtype)
    if offs is None:
        return x @ y
    ends = offs.tolist()
    groups = list(enumerate(zip([0, *ends], ends, strict=False)))
    if x.dim() == 3:
        parts = [x[g] @ y[:, a:b] for g, (a, b) in groups]
        return torch.cat((*parts, 0 * (x[0] @ y)[:, ends[-1] :]), 1)
    if y.dim() == 3:
        parts = [x[a:b] @ y[g] for g, (a, b) in groups]
        return torch.cat((*parts, 0 * (x @ y[0])[ends[-1] :]))
    return torch.stack([x[:, a:b] @ y[a:b] for _, (a, b) in groups])


def grouped(x: Tensor, y: Tensor, offs: Tensor | None) -> Tensor:
    """The products of groups in whatever layout, with 0 for what is in no group."""
    z = torch._grouped_mm(_aligned(x), _aligned(y), offs)
    if z.dim() == 3:
        return z
    return torch.where(in_no_group(z, offs, x.dim() == 2), 0.0, z)


def in_no_group(z: Tensor, offs: Tensor | None, rows: bool) -> Tensor:
    """Where the matrix z is in no group: the kernel writes nothing there."""
    assert offs is not None
    rest = torch.arange(z.shape[0 if rows else 1], device=z.device) >= offs[-1:]
    return rest.unsqueeze(-1) if rows else rest


def _aligned(x: Tensor) -> Tensor:
    """X in a layout that the kernel takes: rows, or columns, begin at multiples of 16 bytes."""
    unit = 16 // x.dtype.itemsize
    row, column = x.stride()[-2:]
    if row == 1 and column >= max(1, x.shape[-2]):
        fits = column % unit == 0
    else:
        fits = column == 1 and row >= max(1, x.shape[-1]) and row % unit == 0
    if fits:
        return x
    size = x.shape[-1]
    gap = -size % unit if size else unit
    return torch.nn.functional.pad(x, (0, gap))[..., :size] if gap else x.clone(memory_format=_ROWS)


_ROWS = torch.contiguous_format
