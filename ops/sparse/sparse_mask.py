"""sparse_mask: the elements that a sparse tensor has."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sparse._layout import form, formed


@op(
    "sparse_mask",
    overrides=(torch.ops.aten.sparse_mask.default,),
    linear=True,
)
class SparseMask(Function):
    """y = x where mask, a sparse tensor, has elements;  gx = gy there, else 0, in x's layout.

    The values of mask do not matter, and it has no gradient.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, mask: Tensor) -> Tensor:
        ctx.form = form(x)
        ctx.save_for_backward(mask)
        return torch.ops.aten.sparse_mask.default(x, mask)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor, None]:
        (mask,) = ctx.saved_tensors
        return formed(gy.sparse_mask(mask.detach()), ctx.form), None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        mask = make.tensor([[0.0, 2.0], [-1.0, 0.0]])
        yield Sample(make(2, 2), mask.to_sparse()).constant("mask")
        whole = Sample(make(2, 2), (mask + 3).to_sparse()).constant("mask")
        yield whole.waive("second-order", "torch has no second derivative of full masks")
        some = make.booleans(3, 4).double().to_sparse()
        yield Sample(make(3, 4), some).constant("mask")
        yield Sample(make(2, 2), mask.to_sparse_csr()).constant("mask")
        yield Sample(make.complex(2, 2), mask.to(torch.complex128).to_sparse()).constant("mask")
        yield Sample(mask, mask.to_sparse()).constant("mask")
        empty = Sample(make(0, 2), make(0, 2).to_sparse()).constant("mask")
        yield empty.waive("second-order", "torch has no second derivative of empty masks")
        yield Sample(make(3, 2), mask.to_sparse()).constant("mask").raises(RuntimeError, "size")
