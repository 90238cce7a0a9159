"""deg2rad: degrees to radians."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "deg2rad",
    methods=("deg2rad",),
    overrides=(torch.deg2rad, torch.ops.aten.deg2rad.default),
    linear=True,
    elementwise=True,
    inplace=True,
)
class Deg2rad(Function):
    """y = x pi / 180;  gx = gy pi / 180."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.deg2rad(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.deg2rad(gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -180.0, 1.0]))
