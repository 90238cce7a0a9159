"""The elements of a gradient at given indices, and which of several indices belong together."""

from __future__ import annotations

import torch
from torch import Tensor


def looked_up(g: Tensor, indices: Tensor) -> Tensor:
    """The elements of ``g``, of all elements or COO, at indices: 0 where it has none.

    Args:
        g: the gradient.
        indices: a row for each of its sparse dimensions, or for as many of its first ones.
    """
    if g.layout is torch.strided:
        return g[tuple(indices.unbind(0))]
    g = g.coalesce()
    values, sizes = g.values(), list(g.shape[: indices.shape[0]])
    if not values.shape[0]:
        return values.new_zeros((indices.shape[1], *values.shape[1:]))
    own, wanted = _keys(g.detach().indices(), sizes), _keys(indices, sizes)
    at = torch.searchsorted(own, wanted).clamp(max=own.shape[0] - 1)
    found = (own[at] == wanted).reshape(-1, *[1] * (values.dim() - 1))
    return torch.where(found, values[at], 0.0)


def groups(indices: Tensor, sizes: list[int], dim: int) -> tuple[Tensor, int]:
    """Which elements differ in the dimension ``dim`` alone: a number for each, and how many."""
    others = [d for d in range(len(sizes)) if d != dim]
    keys = _keys(indices[others], [sizes[d] for d in others])
    kinds, number = torch.unique(keys, return_inverse=True)
    return number, kinds.shape[0]


def _keys(indices: Tensor, sizes: list[int]) -> Tensor:
    """One number for each column of indices, in their order."""
    keys = indices.new_zeros(indices.shape[1])
    for row, size in zip(indices.unbind(0), sizes, strict=True):
        keys = keys * size + row
    return keys
