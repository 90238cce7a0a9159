"""mm: the product of two matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._product import column_major, left_gradient, right_gradient


@op("mm", methods=("mm",), overrides=(torch.mm, torch.ops.aten.mm.default), aliases={"mat2": "y"})
class Mm(Function):
    """z = x y, of matrices;  gx = gz y^H, gy = x^H gz.

    A gradient has its matrix's memory order, as in torch: that of a transposed weight
    comes out transposed.
    """

    ctx_defaults: ClassVar = {"x_columns": False, "y_columns": False}

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        need_gx, need_gy = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, y if need_gx else None)
        z = torch.mm(x, y)
        if need_gx and column_major(x):
            ctx.x_columns = True
        if need_gy and column_major(y):
            ctx.y_columns = True
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = left_gradient(gz, y, ctx.x_columns) if need_gx else None
        gy = right_gradient(gz, x, ctx.y_columns) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3), make(3, 4))
        yield Sample(make.complex(2, 3), make.complex(3, 4))
        yield Sample(make(2, 3), mat2=make(3, 1))
        yield Sample(make(3, 2).mT, make(4, 3).mT)
        yield Sample(make.complex(3, 2).mT, make.complex(4, 3).mT)
        yield Sample(make(2, 0), make(0, 3))
        yield Sample(make(0, 2), make(2, 3))
        yield Sample(make.tensor([[0.0, 2.0]]), make.tensor([[-3.0], [0.0]]))
