"""baddbmm: the products of two batches of matrices, added to another."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number
from plugrad.ops.linalg._scaled import scaled


@op(
    "baddbmm",
    methods=("baddbmm",),
    overrides=(torch.baddbmm, torch.ops.aten.baddbmm.default),
    broadcasts=True,
    inplace=True,
)
class Baddbmm(Function):
    """z[b] = beta x[b] + alpha batch1[b] batch2[b], x broadcast to the products' shape.

    gx = conj(beta) gz, gbatch1[b] = conj(alpha) gz[b] batch2[b]^H, gbatch2[b] = conj(alpha)
    batch1[b]^H gz[b]. With beta = 0, x is not looked at: not even a nan in it.
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
        return torch.baddbmm(x, batch1, batch2, beta=beta, alpha=alpha)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        batch1, batch2 = ctx.saved_tensors
        need_gx, need_g1, need_g2 = ctx.needs_input_grad
        gx = scaled(gz, ctx.beta) if need_gx else None
        g1 = scaled(gz.bmm(conj(batch2).mT), ctx.alpha) if need_g1 else None
        g2 = scaled(conj(batch1).mT.bmm(gz), ctx.alpha) if need_g2 else None
        return gx, g1, g2

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 4), make(2, 3, 2), make(2, 2, 4))
        yield Sample(make(4), make(2, 3, 2), make(2, 2, 4))
        yield Sample(make(3, 1), make(2, 3, 2), make(2, 2, 4), beta=0.5, alpha=-2)
        yield Sample(make(), make(2, 3, 2), make(2, 2, 4), alpha=3)
        three = make.complex(4), make.complex(1, 3, 2), make.complex(1, 2, 4)
        yield Sample(*three)
        yield Sample(*three, beta=1j, alpha=2 - 1j)
        nan = make.tensor([float("nan"), 1.0])
        yield Sample(nan, make(2, 3, 2), make(2, 2, 2), beta=0)
        yield Sample(make(2, 3, 4), make(2, 3, 0), make(2, 0, 4))
        yield Sample(make(0, 3, 4), make(0, 3, 2), make(0, 2, 4))
        yield Sample(make(1), make.tensor([[[0.0, 2.0]]]), make.tensor([[[-3.0], [0.0]]]))
