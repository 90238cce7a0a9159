"""The gradients of histograms of points in one or several dimensions, from their bins' edges.

A count is constant but for its jumps, so points have none; weights have their bin's. A density is
divided by the bins' volumes and by the total weight, which edges and weights change. Edges that
the points' own range makes move with its ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def gradients(
    gy: Tensor,
    y: Tensor | None,
    points: Tensor,
    edges: Sequence[Tensor],
    weight: Tensor | None,
) -> tuple[Tensor, list[Tensor | None]]:
    """The gradients of each point's weight and, of a density, of the edges.

    Args:
        gy: the gradient of the histogram.
        y: the histogram if it is a density, else None.
        points: the points, their coordinates in the last dimension.
        edges: of the bins, one tensor a coordinate.
        weight: of the points; None for 1.
    """
    inside, places = _bins(points, edges)
    if y is None:
        return torch.where(inside, gy[places], 0.0), [None] * len(edges)
    widths = [e[1:] - e[:-1] for e in edges]
    ones = torch.ones_like(inside, dtype=y.dtype)
    total = torch.where(inside, ones if weight is None else weight, 0.0).sum()
    volume = torch.ones_like(y)
    for k, width in enumerate(widths):
        volume = volume * _along(width, k, y.dim())
    g_weight = (gy / volume)[places] - (gy * y).sum()
    g_edges: list[Tensor | None] = []
    for k, width in enumerate(widths):
        others = [d for d in range(y.dim()) if d != k]
        seen = gy * y
        g_width = -(seen.sum(others) if others else seen) / width
        g_edges.append(torch.diff(-g_width, prepend=0 * g_width[:1], append=0 * g_width[:1]))
    return torch.where(inside, g_weight / total, 0.0), g_edges


def of_range(g_edges: Tensor, x: Tensor) -> Tensor:
    """The gradient of points ``x`` whose least and largest are the ends of equal bins.

    Where several are the least they share it. All equal, the ends move with each.
    """
    share = torch.linspace(0, 1, g_edges.shape[0], dtype=x.dtype, device=x.device)
    least, largest = x == x.amin(0), x == x.amax(0)
    least, largest = least.to(x.dtype), largest.to(x.dtype)
    low = least / least.sum(0) * (g_edges * (1 - share)).sum()
    return low + largest / largest.sum(0) * (g_edges * share).sum()


def _bins(points: Tensor, edges: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Whether each point is in a bin, and the number of it in each coordinate (or any)."""
    inside = torch.ones(points.shape[:-1], dtype=torch.bool, device=points.device)
    places = []
    for k, edge in enumerate(edges):
        x, e = points[..., k].detach().contiguous(), edge.detach()
        inside = inside & (x >= e[0]) & (x <= e[-1])
        number = torch.bucketize(x, e, right=True) - 1
        places.append(number.clamp(0, e.shape[0] - 2))  # the last bin has its last edge
    return inside, tuple(places)


def _along(width: Tensor, k: int, dims: int) -> Tensor:
    return width.reshape([-1 if d == k else 1 for d in range(dims)])
