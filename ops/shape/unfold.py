"""unfold: all windows of one size along a dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "unfold",
    methods=("unfold",),
    reference=torch.Tensor.unfold,
    overrides=(torch.ops.aten.unfold.default,),
    linear=True,
    view=True,
)
class Unfold(Function):
    """y[.., i, .., j] = x[.., i step + j, ..] along dimension, a view;  gx = the sums of gy there.

    The new last dimension has the places in a window.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dimension: int, size: int, step: int) -> Tensor:
        ctx.x_shape, ctx.where = x.shape, (int(dimension), int(size), int(step))
        return x.unfold(dimension, size, step)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = torch.ops.aten.unfold_backward.default(gy, ctx.x_shape, *ctx.where)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5), 0, 2, 1)
        yield Sample(make(7), 0, 2, 3)
        yield Sample(make(2, 5, 2), -2, 3, 2)
        yield Sample(make(3, 4), dimension=1, size=4, step=1)
        yield Sample(make.complex(4), 0, 2, 2)
        yield Sample(make(0, 4), 1, 2, 1)
        yield Sample(make(4), 0, 0, 1)
        yield Sample(make(), 0, 1, 1)
