"""rad2deg: radians to degrees."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "rad2deg",
    methods=("rad2deg",),
    overrides=(torch.rad2deg, torch.ops.aten.rad2deg.default),
    linear=True,
    elementwise=True,
    inplace=True,
)
class Rad2deg(Function):
    """y = x 180 / pi;  gx = gy 180 / pi."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.rad2deg(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.rad2deg(gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -180.0, 1.0]))
