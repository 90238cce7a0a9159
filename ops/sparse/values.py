"""values: the elements that a sparse tensor has."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op

_COO = torch.ops.aten._sparse_coo_tensor_with_dims_and_tensors.default


@op("values", overrides=(torch.ops.aten.values.default,), linear=True)
class Values(Function):
    """y = the elements that x has, in its order;  gx = gy at their places, in the layout of x.

    A copy, where torch gives a view: a change of y in place does not change x.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.ops.aten.values.default(x).clone()

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x = ctx.saved_tensors[0].detach()
        size, options = list(x.shape), {"layout": x.layout, "dtype": x.dtype}
        if x.layout is torch.sparse_coo:
            parts = x.sparse_dim(), x.dense_dim(), size, x.indices(), gy
            return _COO(*parts, device=x.device, is_coalesced=True, **options)
        if x.layout in (torch.sparse_csr, torch.sparse_bsr):
            where = x.crow_indices(), x.col_indices()
        else:
            where = x.ccol_indices(), x.row_indices()
        return torch.ops.aten.sparse_compressed_tensor.comp_plain_value_size(
            *where, gy, size, **options
        )

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        sparse = make.tensor([[0.0, 2.0], [-1.0, 0.0]])
        yield Sample(sparse.to_sparse())
        yield Sample(make.complex(2, 3).to_sparse())
        yield Sample(make(2, 3).to_sparse_csr())
        yield Sample(sparse.to_sparse_csc())
        yield Sample(make(0, 2).to_sparse())
        yield Sample(make(2)).raises(RuntimeError, "values")
