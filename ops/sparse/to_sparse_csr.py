"""to_sparse_csr: in compressed rows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.sparse._layout import TOO_FEW_DIMENSIONS, InAnotherLayout, form

_kernel = torch.ops.aten._to_sparse_csr.default


@op("to_sparse_csr", overrides=(_kernel,), linear=True)
class ToSparseCsr(InAnotherLayout):
    """y = x, in compressed rows;  gx = gy, in the layout of x.

    The gradient of an element that y leaves out, a 0, is not left out.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dense_dim: int | None = None) -> Tensor:
        ctx.form = form(x)
        return _kernel(x, dense_dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(2, 4))
        yield Sample(make.tensor([[0.0, 2.0], [-1.0, 0.0]]))
        yield Sample(make(0, 2))
        yield Sample(make(2, 3, 2), dense_dim=1)
        yield Sample(make(2)).raises(*TOO_FEW_DIMENSIONS)
