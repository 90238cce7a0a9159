"""coalesce: a sparse tensor with each index once, the sum of its elements there."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.sparse._layout import InAnotherLayout, form

_KERNEL = torch.ops.aten._coalesce.default


def _reference(x: Tensor) -> Tensor:
    return x.coalesce().clone()


@op(
    "coalesce",
    overrides=(_KERNEL,),
    reference=_reference,
    linear=True,
    waives={"primitive": "torch's kernel refuses what is coalesced, as tensors in laws are"},
)
class Coalesce(InAnotherLayout):
    """y = x, a COO tensor, with each index once, in order;  gx = gy."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.form = form(x)
        return x.clone() if x.is_coalesced() else _KERNEL(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        twice = make.tensor([[0, 0, 1], [1, 1, 0]], torch.int64)
        yield Sample(torch.sparse_coo_tensor(twice, make(3), (2, 2), check_invariants=True))
        yield Sample(make.tensor([[0.0, 2.0], [-1.0, 0.0]]).to_sparse())
        complex_ = Sample(make.complex(2, 3).to_sparse())
        yield complex_.waive("second-order", "torch has none of complex sparse tensors")
        yield Sample(make(0, 2).to_sparse())
