"""slice_scatter: a copy with a range of a dimension replaced."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op(
    "slice_scatter",
    methods=("slice_scatter",),
    overrides=(torch.slice_scatter, torch.ops.aten.slice_scatter.default),
    promotes=True,
    linear=True,
    equivalent={
        "other-dim[dim]": "src fits along two dimensions only where it replaces all of x",
        "option-ignored[dim]": "src fits along two dimensions only where it replaces all of x",
        "option-ignored[end]": "src has as many places without end only where end cuts none off",
        "option-ignored[step]": "src has as many places with step 1 only where it has one",
    },
)
class SliceScatter(Function):
    """z = x with src at start:end:step of dim;  gx = gz with 0 there, gsrc = gz there.

    torch has no gradient for complex numbers here; ours is the same for them.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        src: Tensor,
        dim: int = 0,
        start: int | None = None,
        end: int | None = None,
        step: int = 1,
    ) -> Tensor:
        dim, start, end, step = (number(n) for n in (dim, start, end, step))
        z = torch.slice_scatter(x, src, dim, start, end, step)  # first: it refuses a wrong dim
        ctx.where, ctx.src_shape = (dim, start, end, step), src.shape
        ctx.index = (*(slice(None),) * (dim % x.dim()), slice(start, end, step))
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gsrc, *_ = ctx.needs_input_grad
        zeros = gz.new_zeros(()).expand(ctx.src_shape)
        gx = gz.slice_scatter(zeros, *ctx.where) if need_gx else None
        return gx, gz[ctx.index] if need_gsrc else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(5, 2), make(2, 2), 0, 1, 3)
        yield Sample(make(2, 5), make(2, 2), -1, -4, None, 2).waive(
            "batched-cotangents", "torch.vmap counts a negative start from the wrong end"
        )
        yield Sample(make(5), src=make(2), start=3)
        yield Sample(make(3), make(2), end=2)
        yield Sample(make(3, 4), make(2, 4), 0, 1).constant(0)
        yield Sample(make(3, 4), make(2, 4), 0, 1).constant(1)
        yield Sample(make(0, 3), make(0, 1), 1, 2)
        yield Sample(make(4), make(2), 0, 1, None, 2)
