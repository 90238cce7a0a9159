"""select: one index of a dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._placed import placed


@op(
    "select",
    methods=("select",),
    overrides=(torch.select, torch.ops.aten.select.int),
    linear=True,
    view=True,
)
class Select(Function):
    """y = x at index of dim, a view;  gx = zeros with gy there."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, index: int) -> Tensor:
        y = x.select(dim, index)
        ctx.x_shape = x.shape
        ctx.view = (*(slice(None),) * (dim % x.dim()), int(index))
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return placed(gy, ctx.x_shape, ctx.view)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0, 1)
        yield Sample(make(2, 3, 2), -1, -2)
        yield Sample(make(3, 4), dim=1, index=3)
        yield Sample(make(3, 4), 0, make.tensor(2, dtype=torch.int64))
        yield Sample(make.complex(3), 0, 0)
        yield Sample(make(0, 3), 1, 2)
