"""unbind: the slices along a dimension; what iteration gives."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "unbind",
    methods=("unbind",),
    overrides=(torch.unbind, torch.ops.aten.unbind.int),
    linear=True,
    view=True,
)
class Unbind(Function):
    """y1, y2, .. = x at each index of dim, views;  gx = gy1, gy2, .. stacked."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
        ctx.dim = int(dim)
        return x.unbind(dim)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        return torch.stack(gradients, ctx.dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 2), -1)
        yield Sample(make(2, 3, 2), dim=1)
        yield Sample(make(3))
        yield Sample(make.complex(2, 2))
        yield Sample(make(2, 0))
        yield Sample(make(0, 2))
        yield Sample(make.integers(3))
