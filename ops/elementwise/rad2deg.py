"""rad2deg: radians to degrees."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "rad2deg",
    methods=("rad2deg",),
    overrides=(torch.rad2deg, torch.ops.aten.rad2deg.default),
    elementwise=True,
    inplace=True,
)
class Rad2deg(Elementwise):
    """y = x 180 / pi;  gx = gy 180 / pi."""

    value = staticmethod(torch.rad2deg)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return torch.full_like(x, 180 / math.pi)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -180.0, 1.0]))
