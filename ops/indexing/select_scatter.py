"""select_scatter: a copy with one index of a dimension replaced."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "select_scatter",
    methods=("select_scatter",),
    overrides=(torch.select_scatter, torch.ops.aten.select_scatter.default),
    promotes=True,
    linear=True,
)
class SelectScatter(Function):
    """z = x with src at index of dim;  gx = gz with 0 there, gsrc = gz there.

    torch has no gradient for complex numbers here; ours is the same for them.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
        ctx.where, ctx.src_shape = (int(dim), int(index)), src.shape
        return torch.select_scatter(x, src, dim, index)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gsrc, *_ = ctx.needs_input_grad
        zeros = gz.new_zeros(()).expand(ctx.src_shape)
        gx = gz.select_scatter(zeros, *ctx.where) if need_gx else None
        return gx, gz.select(*ctx.where) if need_gsrc else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(4), 0, 1)
        yield Sample(make(2, 3, 2), make(2, 3), -1, -2)
        yield Sample(make(3, 4), src=make(3), dim=1, index=3)
        yield Sample(make(3), make(), 0, 0)
        yield Sample(make(3, 4), make(4), 0, 1).constant(0)
        yield Sample(make(3, 4), make(4), 0, 1).constant(1)
        yield Sample(make(0, 3), make(0), 1, 2)
        yield Sample(make(3, 3), make(3), 1, 0)
