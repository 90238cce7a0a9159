"""vdot: the inner product of two vectors, the first conjugated."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op("vdot", methods=("vdot",), overrides=(torch.vdot, torch.ops.aten.vdot.default))
class Vdot(Function):
    """z = sum(conj(x) y);  gx = conj(gz) y, gy = gz x."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        need_gx, need_gy = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, y if need_gx else None)
        return torch.vdot(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = conj(gz) * y if need_gx else None
        gy = gz * x if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3), make(3))
        yield Sample(make.complex(3), make.complex(3))
        yield Sample(make(2), other=make(2))
        yield Sample(make(0), make(0))
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([-3.0, 0.0]))
