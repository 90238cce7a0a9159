"""What the softmax of a sparse tensor and its logarithm share: their sums, and their samples."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad.core import Sample, SampleMaker
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


def calls(make: SampleMaker) -> Iterator[Sample]:
    """The samples of both ops: by each dimension, with dense dimensions, and of nothing."""
    sparse = make.tensor([[0.0, 2.0, 1.0], [-1.0, 0.0, 3.0], [0.0, 0.0, 0.0]]).to_sparse()
    for dim in (0, 1):
        yield Sample(sparse, dim, False)
    last = Sample(sparse, -1, False)
    last = last.without_oracle("its backward takes a negative dim for another")
    yield last.waive("batched-cotangents", "torch makes no batch of sparse tensors")
    rows = make.tensor([[[0.5, -1.0], [0.0, 0.0]], [[2.0, 0.3], [1.5, 0.0]]]).to_sparse(2)
    for dim in (0, 1, 2):
        yield Sample(rows, dim=dim, half_to_float=False)
    yield Sample(make.tensor([0.0, 2.0, 1.0]).to_sparse(), 0, False)
    yield Sample(make.tensor([[0.0, 0.0]]).to_sparse(), 1, False)
    yield Sample(sparse, 2, False).raises(IndexError, "range")
