"""to_sparse: its elements that are not 0 and their indices, or another sparse layout."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.sparse._layout import TOO_FEW_DIMENSIONS, InAnotherLayout, form

_kernel = torch.ops.aten._to_sparse.default


@op(
    "to_sparse",
    overrides=(_kernel,),
    linear=True,
    equivalent={"option-ignored[blocksize]": "the gradient is in the layout of x in any case"},
)
class ToSparse(InAnotherLayout):
    """y = x, sparse: its elements that are not 0, and where;  gx = gy, in the layout of x.

    The gradient of an element that y leaves out, a 0, is not left out.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        *,
        layout: torch.layout | None = None,
        blocksize: tuple[int, int] | None = None,
        dense_dim: int | None = None,
    ) -> Tensor:
        ctx.form = form(x)
        return _kernel(x, layout=layout, blocksize=blocksize, dense_dim=dense_dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(2, 4))
        yield Sample(make.tensor([[0.0, 2.0], [-1.0, 0.0]]))
        yield Sample(make(0, 2))
        yield Sample(make(4, 2), layout=torch.sparse_csr)
        yield Sample(make(4, 2), layout=torch.sparse_bsr, blocksize=(2, 1))
        yield Sample(make(3, 2, 2), layout=torch.sparse_csr, dense_dim=1)
        yield Sample(make(3), layout=torch.sparse_csr).raises(*TOO_FEW_DIMENSIONS)
