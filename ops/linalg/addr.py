"""addr: the products of all elements of two vectors, added to a matrix."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number
from plugrad.ops.linalg._scaled import scaled


@op(
    "addr",
    methods=("addr",),
    overrides=(torch.addr, torch.ops.aten.addr.default),
    broadcasts=True,
    inplace=True,
)
class Addr(Function):
    """z = beta x + alpha vec1 vec2^T, x broadcast to the product's shape.

    gx = conj(beta) gz, gvec1 = conj(alpha) gz conj(vec2), gvec2 = conj(alpha) gz^T conj(vec1).
    With beta = 0, x is not looked at: not even a nan in it.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        vec1: Tensor,
        vec2: Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Tensor:
        _, need_g1, need_g2 = ctx.needs_input_grad
        ctx.save_for_backward(vec1 if need_g2 else None, vec2 if need_g1 else None)
        ctx.beta, ctx.alpha = number(beta), number(alpha)
        return torch.addr(x, vec1, vec2, beta=beta, alpha=alpha)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        vec1, vec2 = ctx.saved_tensors
        need_gx, need_g1, need_g2 = ctx.needs_input_grad
        gx = scaled(gz, ctx.beta) if need_gx else None
        g1 = scaled((gz * conj(vec2)).sum(1), ctx.alpha) if need_g1 else None
        g2 = scaled((gz.mT * conj(vec1)).sum(1), ctx.alpha) if need_g2 else None
        return gx, g1, g2

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3), make(2), make(3))
        yield Sample(make(3), make(2), make(3))
        yield Sample(make(2, 1), make(2), make(3), beta=0.5, alpha=-2)
        yield Sample(make(), make(2), make(3), alpha=3)
        three = make.complex(3), make.complex(2), make.complex(3)
        yield Sample(*three)
        yield Sample(make(3), make.complex(2), make(3))
        yield Sample(*three, beta=1j, alpha=2 - 1j)
        yield Sample(make.tensor([float("nan"), 1.0]), make(2), make(2), beta=0)
        yield Sample(make(0, 3), make(0), make(3))
        yield Sample(make(2, 3), make.tensor([0.0, 2.0]), make.tensor([-3.0, 0.0, 1.0]))
