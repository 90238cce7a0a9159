"""addmm: a product of matrices added to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.linalg._product import column_major, left_gradient, right_gradient


@op(
    "addmm",
    methods=("addmm",),
    overrides=(torch.addmm, torch.ops.aten.addmm.default),
    broadcasts=True,
    inplace=True,
)
class Addmm(Function):
    """z = beta x + alpha mat1 mat2, x broadcast to the product's shape.

    gx = conj(beta) gz, gmat1 = conj(alpha) gz mat2^H, gmat2 = conj(alpha) mat1^H gz.
    With beta = 0, x is not looked at: not even a nan in it.
    """

    ctx_defaults: ClassVar = {"alpha": 1, "beta": 1, "columns": (False, False)}

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        mat1: Tensor,
        mat2: Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Tensor:
        _, need_g1, need_g2 = ctx.needs_input_grad
        ctx.save_for_backward(mat1 if need_g2 else None, mat2 if need_g1 else None)
        z = torch.addmm(x, mat1, mat2, beta=beta, alpha=alpha)
        if beta != 1 or alpha != 1:
            ctx.beta, ctx.alpha = number(beta), number(alpha)
        columns = need_g1 and column_major(mat1), need_g2 and column_major(mat2)
        if any(columns):
            ctx.columns = columns
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        mat1, mat2 = ctx.saved_tensors
        need_gx, need_g1, need_g2 = ctx.needs_input_grad
        gx = _scaled(gz, ctx.beta) if need_gx else None
        g1 = _scaled(left_gradient(gz, mat2, ctx.columns[0]), ctx.alpha) if need_g1 else None
        g2 = _scaled(right_gradient(gz, mat1, ctx.columns[1]), ctx.alpha) if need_g2 else None
        return gx, g1, g2

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 4), make(2, 3), make(3, 4))
        yield Sample(make(4), make(2, 3), make(3, 4))
        yield Sample(make(2, 1), make(2, 3), make(3, 4), beta=0.5, alpha=-2)
        yield Sample(make(), make(2, 3), make(3, 4), alpha=3)
        yield Sample(make(4), make(3, 2).mT, make(4, 3).mT)
        yield Sample(make.complex(4), make.complex(2, 3), make.complex(3, 4))
        yield Sample(make.complex(4), make.complex(2, 3), make.complex(3, 4), beta=1j, alpha=2 - 1j)
        yield Sample(make.tensor([float("nan"), 1.0]), make(2, 3), make(3, 2), beta=0)
        yield Sample(make(2, 4), make(2, 0), make(0, 4))
        yield Sample(make(0, 4), make(0, 3), make(3, 4))
        yield Sample(make(1), make.tensor([[0.0, 2.0]]), make.tensor([[-3.0], [0.0]]))


def _scaled(gradient: Tensor, factor: complex) -> Tensor:
    return gradient if factor == 1 else gradient * factor.conjugate()
