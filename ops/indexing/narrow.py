"""narrow: a range of a dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._placed import placed


@op(
    "narrow",
    methods=("narrow",),
    overrides=(torch.narrow, torch.ops.aten.narrow.default, torch.ops.aten.narrow.Tensor),
    linear=True,
    view=True,
)
class Narrow(Function):
    """y = x from start on, length long, along dim, a view;  gx = zeros with gy there."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, start: int, length: int) -> Tensor:
        y = torch.narrow(x, dim, start, length)
        dim %= x.dim()
        first = int(start)
        first += x.shape[dim] if first < 0 else 0
        ctx.x_shape = x.shape
        ctx.view = (*(slice(None),) * dim, slice(first, first + int(length)))
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return placed(gy, ctx.x_shape, ctx.view)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2), 0, 1, 3)
        yield Sample(make(2, 5), -1, -3, 2)
        yield Sample(make(5, 2), dim=0, start=0, length=5)
        yield Sample(make(5), 0, 5, 0)
        yield Sample(make(5), 0, make.tensor(1, dtype=torch.int64), 2)
        yield Sample(make.complex(3), 0, 1, 2)
        yield Sample(make(0, 3), 1, 1, 1)
        yield Sample(make(3, 3), 1, 1, 2)
