"""unsqueeze: a new dimension of size 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "unsqueeze",
    methods=("unsqueeze",),
    overrides=(torch.unsqueeze, torch.ops.aten.unsqueeze.default),
    linear=True,
    view=True,
    inplace=True,
)
class Unsqueeze(Function):
    """y = x with a dimension of size 1 put in as dim, a view;  gx = gy without it."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int) -> Tensor:
        ctx.dim = int(dim)
        return x.unsqueeze(dim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.squeeze(ctx.dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 4), -1)
        yield Sample(make(3, 1), -2)
        yield Sample(make(3, 4), dim=2)
        yield Sample(make.complex(3), 1)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
