"""Sums over the elements that a softmax of a sparse tensor normalizes together."""

from __future__ import annotations

from torch import Tensor

from plugrad.ops.sparse._lookup import groups


def totals(values: Tensor, y: Tensor, dim: int) -> Tensor:
    """For each element of ``y``, a coalesced COO tensor, the sum of ``values`` along ``dim``."""
    sparse = y.sparse_dim()
    dim = dim % y.dim()
    if dim >= sparse:
        return values.sum(dim - sparse + 1, keepdim=True)
    number, count = groups(y.indices(), list(y.shape[:sparse]), dim)
    sums = values.new_zeros((count, *values.shape[1:])).index_add(0, number, values)
    return sums[number]
