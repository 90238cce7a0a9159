"""_sparse_sparse_matmul: the product of two sparse matrices, as torch.sparse.mm computes it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._product import left_gradient, right_gradient

_KERNEL = torch.ops.aten._sparse_sparse_matmul.default


@op("sparse_sparse_matmul", overrides=(_KERNEL,))
class SparseSparseMatmul(Function):
    """z = x y, sparse;  gx = gz y^H where x has elements, gy = x^H gz where y has.

    (The gradients of ``x @ y`` are also where x and y have none.)
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return _KERNEL(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = left_gradient(gz, y).sparse_mask(x.detach().coalesce()) if need_gx else None
        gy = right_gradient(gz, x).sparse_mask(y.detach().coalesce()) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        some = make.tensor([[0.0, 2.0, 1.0], [-1.0, 0.0, 0.0]]).to_sparse()
        other = make.tensor([[0.0, 3.0], [-1.0, 0.5], [0.0, 0.0]]).to_sparse()
        yield Sample(some, other)
        yield Sample(some, other).constant(0)
        yield Sample(some, other).constant(1)
        yield Sample(make.complex(2, 3).to_sparse(), make.complex(3, 2).to_sparse())
        yield Sample(make(0, 3).to_sparse(), make(3, 2).to_sparse())
        yield Sample(some, some).raises(RuntimeError, "size|shape|dim")
