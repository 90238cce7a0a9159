"""bmm: the products of two batches of matrices."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "bmm",
    methods=("bmm",),
    overrides=(torch.bmm, torch.ops.aten.bmm.default),
    aliases={"mat2": "y"},
)
class Bmm(Function):
    """z[b] = x[b] y[b];  gx[b] = gz[b] y[b]^H, gy[b] = x[b]^H gz[b]."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        need_gx, need_gy = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, y if need_gx else None)
        return torch.bmm(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = gz.bmm(conj(y).mT) if need_gx else None
        gy = conj(x).mT.bmm(gz) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 2), make(2, 2, 3))
        yield Sample(make.complex(2, 1, 3), make.complex(2, 3, 2))
        yield Sample(make(2, 2, 3), mat2=make(2, 3, 1))
        yield Sample(make(0, 2, 3), make(0, 3, 2))
        yield Sample(make(2, 3, 0), make(2, 0, 2))
        yield Sample(make.tensor([[[0.0, 2.0]]]), make.tensor([[[-3.0], [0.0]]]))
