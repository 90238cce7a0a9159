"""slice: every step-th index of a dimension from a start to an end."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("slice", overrides=(torch.ops.aten.slice.Tensor,), linear=True, view=True)
class Slice(Function):
    """y = x[start:end:step] along dim, a view;  gx = zeros with gy there."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: int = 0,
        start: int | None = None,
        end: int | None = None,
        step: int = 1,
    ) -> Tensor:
        dim, step = index(dim), index(step)
        y: Tensor = torch.ops.aten.slice.Tensor(x, dim, start, end, step)
        first, last, _ = slice(start, end, step).indices(x.shape[dim])
        ctx.x_shape, ctx.where = x.shape, (dim, first, last, step)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = torch.ops.aten.slice_backward.default(gy, ctx.x_shape, *ctx.where)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2))
        yield Sample(make(5, 2), 0, 1, 4)
        yield Sample(make(2, 5), -1, None, -1)
        yield Sample(make(2, 5), 1, 0, 5, 2)
        yield Sample(make(5), 0, -4, 100, 3)
        yield Sample(make(5), dim=0, start=3)
        yield Sample(make(5), 0, 4, 2)
        yield Sample(make.complex(4), 0, 1, 3)
        yield Sample(make(0, 3), 1, 1, 3)
        yield Sample(make(3, 4, 2), 1, 2, 9223372036854775807)
