"""deg2rad: degrees to radians."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "deg2rad",
    methods=("deg2rad",),
    overrides=(torch.deg2rad, torch.ops.aten.deg2rad.default),
    elementwise=True,
    inplace=True,
)
class Deg2rad(Elementwise):
    """y = x pi / 180;  gx = gy pi / 180."""

    value = staticmethod(torch.deg2rad)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return torch.full_like(x, math.pi / 180)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -180.0, 1.0]))
