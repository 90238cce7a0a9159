"""addmv: a product of a matrix and a vector, added to another vector."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number
from plugrad.ops.linalg._scaled import scaled


@op(
    "addmv",
    methods=("addmv",),
    overrides=(torch.addmv, torch.ops.aten.addmv.default),
    broadcasts=True,
    inplace=True,
)
class Addmv(Function):
    """z = beta x + alpha mat vec, x broadcast to the product's shape.

    gx = conj(beta) gz, gmat = conj(alpha) gz vec^H, gvec = conj(alpha) mat^H gz. With
    beta = 0, x is not looked at: not even a nan in it.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        mat: Tensor,
        vec: Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Tensor:
        _, need_gmat, need_gvec = ctx.needs_input_grad
        ctx.save_for_backward(mat if need_gvec else None, vec if need_gmat else None)
        ctx.rows = mat.shape[0]
        ctx.beta, ctx.alpha = number(beta), number(alpha)
        return torch.addmv(x, mat, vec, beta=beta, alpha=alpha)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        mat, vec = ctx.saved_tensors
        need_gx, need_gmat, need_gvec = ctx.needs_input_grad
        gx = scaled(gz, ctx.beta) if need_gx else None
        gz = gz.expand(ctx.rows)  # without rows torch leaves x without dimensions, if it has none
        gmat = scaled(gz.outer(conj(vec)), ctx.alpha) if need_gmat else None
        gvec = scaled(conj(mat).mT.mv(gz), ctx.alpha) if need_gvec else None
        return gx, gmat, gvec

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2), make(2, 3), make(3))
        yield Sample(make(1), make(2, 3), make(3), beta=0.5, alpha=-2)
        yield Sample(make(), make(2, 3), make(3), alpha=3)
        three = make.complex(2), make.complex(2, 3), make.complex(3)
        yield Sample(*three)
        yield Sample(*three, beta=1j, alpha=2 - 1j)
        yield Sample(make.tensor([float("nan"), 1.0]), make(2, 3), make(3), beta=0)
        yield Sample(make(2), make(2, 0), make(0))
        yield Sample(make(0), make(0, 3), make(3))
        yield Sample(make(1), make.tensor([[0.0, 2.0]]), make.tensor([-3.0, 0.0]))
