"""diagonal_scatter: a copy with the diagonals replaced."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "diagonal_scatter",
    methods=("diagonal_scatter",),
    overrides=(torch.diagonal_scatter, torch.ops.aten.diagonal_scatter.default),
    promotes=True,
    linear=True,
)
class DiagonalScatter(Function):
    """z = x with src on the diagonal of dim1 and dim2;  gx = gz with 0 there, gsrc = gz there."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
    ) -> Tensor:
        ctx.where, ctx.src_shape = (int(offset), int(dim1), int(dim2)), src.shape
        return torch.diagonal_scatter(x, src, offset, dim1, dim2)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gsrc, *_ = ctx.needs_input_grad
        zeros = gz.new_zeros(()).expand(ctx.src_shape)
        gx = gz.diagonal_scatter(zeros, *ctx.where) if need_gx else None
        return gx, gz.diagonal(*ctx.where) if need_gsrc else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3, 3), make(3, 2), 1, 0, 2)
        yield Sample(make(3, 3, 3), make(3, 3), dim1=2)
        yield Sample(make(3, 3, 3), make(3, 3), dim2=2)
        yield Sample(make(3, 3), make(3))
        yield Sample(make(3, 4), make(3), 1)
        yield Sample(make(4, 3), make(2), offset=-2)
        yield Sample(make(2, 3, 4), make(3, 2), 0, -1, 0)
        yield Sample(make(2, 3, 3), make(2, 2), 1, dim1=1, dim2=2)
        yield Sample(make(3, 3), make(3)).constant(0)
        yield Sample(make(3, 3), make(3)).constant(1)
        yield Sample(make(0, 3), make(0))
