"""to_sparse_dim: rows that are not 0 and their indices in the first dimensions."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.sparse._layout import InAnotherLayout, form

_kernel = torch.ops.aten._to_sparse.sparse_dim


@op("to_sparse_dim", overrides=(_kernel,), linear=True)
class ToSparseDim(InAnotherLayout):
    """y = x, sparse in its first dimensions alone;  gx = gy, in the layout of x.

    The gradient of an element that y leaves out, a 0, is not left out.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, sparse_dim: int) -> Tensor:
        ctx.form = form(x)
        return _kernel(x, sparse_dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 1)
        yield Sample(make.complex(2, 4), 1)
        yield Sample(make.tensor([[0.0, 2.0], [-1.0, 0.0]]), 1)
        yield Sample(make(0, 2), 1)
        yield Sample(make(2, 3, 2), sparse_dim=2)
        yield Sample(make(2), 3).raises(RuntimeError, "sparse_dim")
