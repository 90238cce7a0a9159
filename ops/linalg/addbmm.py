"""addbmm: the sum of the products of two batches of matrices, added to another matrix."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number
from plugrad.ops.linalg._scaled import scaled


@op(
    "addbmm",
    methods=("addbmm",),
    overrides=(torch.addbmm, torch.ops.aten.addbmm.default),
    broadcasts=True,
    inplace=True,
    waives={"inplace": "torch's addbmm_ gives an x that is broadcast another shape; ours refuses"},
)
class Addbmm(Function):
    """z = beta x + alpha sum over b of batch1[b] batch2[b], x broadcast to the sum's shape.

    gx = conj(beta) gz, gbatch1[b] = conj(alpha) gz batch2[b]^H, gbatch2[b] = conj(alpha)
    batch1[b]^H gz. With beta = 0, x is not looked at: not even a nan in it.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        batch1: Tensor,
        batch2: Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Tensor:
        _, need_g1, need_g2 = ctx.needs_input_grad
        ctx.save_for_backward(batch1 if need_g2 else None, batch2 if need_g1 else None)
        ctx.beta, ctx.alpha = number(beta), number(alpha)
        return torch.addbmm(x, batch1, batch2, beta=beta, alpha=alpha)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        batch1, batch2 = ctx.saved_tensors
        need_gx, need_g1, need_g2 = ctx.needs_input_grad
        gx = scaled(gz, ctx.beta) if need_gx else None
        g1 = scaled(gz @ conj(batch2).mT, ctx.alpha) if need_g1 else None
        g2 = scaled(conj(batch1).mT @ gz, ctx.alpha) if need_g2 else None
        return gx, g1, g2

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(2, 3, 2), make(2, 2, 4))
        yield Sample(make(4), make(2, 3, 2), make(2, 2, 4))
        yield Sample(make(3, 1), make(2, 3, 2), make(2, 2, 4), beta=0.5, alpha=-2)
        yield Sample(make(), make(2, 3, 2), make(2, 2, 4), alpha=3)
        three = make.complex(4), make.complex(2, 3, 2), make.complex(2, 2, 4)
        yield Sample(*three)
        yield Sample(*three, beta=1j, alpha=2 - 1j)
        nan = make.tensor([float("nan"), 1.0])
        yield Sample(nan, make(2, 3, 2), make(2, 2, 2), beta=0)
        yield Sample(make(3, 4), make(2, 3, 0), make(2, 0, 4))
        yield Sample(make(3, 4), make(0, 3, 2), make(0, 2, 4))
        yield Sample(make(1), make.tensor([[[0.0, 2.0]]]), make.tensor([[[-3.0], [0.0]]]))
