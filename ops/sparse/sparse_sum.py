"""sparse_sum: sums of the elements of a sparse tensor along dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sparse._elements import like
from plugrad.ops.sparse._lookup import looked_up

_KERNEL = torch.ops.aten._sparse_sum.dim


@op("sparse_sum", overrides=(_KERNEL,), linear=True)
class SparseSum(Function):
    """y = the sum of x along the dimensions dim;  gx = gy, where x has elements, in x's layout.

    y is sparse in those of x's sparse dimensions that are left; if there are none, it is not
    sparse.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: Sequence[int]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.dims = [d % x.dim() for d in dim]
        return _KERNEL(x, dim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x = ctx.saved_tensors[0].detach().coalesce()
        sparse, shape = x.sparse_dim(), x.values().shape
        kept = [d for d in range(sparse) if d not in ctx.dims]
        g = looked_up(gy, x.indices()[kept]) if kept else gy.unsqueeze(0)
        for d in sorted(ctx.dims):
            if d >= sparse:
                g = g.unsqueeze(d - sparse + 1)
        return like(g.expand(shape), x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        sparse = make.tensor([[0.0, 2.0, 1.0], [-1.0, 0.0, 3.0], [0.0, 0.0, 0.0]]).to_sparse()
        for dim in ([0], [1], [-1], [0, 1]):
            yield Sample(sparse, dim)
        rows = make(3, 2, 2).to_sparse(1)
        for dim in ([0], [1], [0, 1], [2], [2, 1], [0, 2]):
            yield Sample(rows, dim=dim)
        complex_ = Sample(make.complex(2, 3).to_sparse(), [0])
        yield complex_.waive("batched-cotangents", "torch makes no batch of sparse tensors")
        yield Sample(make.tensor([[0.0, 0.0]]).to_sparse(), [1])
        yield Sample(sparse, [2]).raises(IndexError, "range")
