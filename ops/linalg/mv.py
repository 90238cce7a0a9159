"""mv: a matrix times a vector."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op("mv", methods=("mv",), overrides=(torch.mv, torch.ops.aten.mv.default), aliases={"vec": "y"})
class Mv(Function):
    """z = x y, of a matrix and a vector;  gx = gz y^H, gy = x^H gz."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        need_gx, need_gy = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, y if need_gx else None)
        return torch.mv(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = gz.outer(conj(y)) if need_gx else None
        gy = conj(x).mT.mv(gz) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3), make(3))
        yield Sample(make.complex(2, 3), make.complex(3))
        yield Sample(make(4, 1), vec=make(1))
        yield Sample(make(2, 0), make(0))
        yield Sample(make(0, 2), make(2))
        yield Sample(make.tensor([[0.0, 2.0]]), make.tensor([-3.0, 0.0]))
