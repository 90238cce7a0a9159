"""square: x times itself."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "square",
    methods=("square",),
    overrides=(torch.square, torch.ops.aten.square.default),
    elementwise=True,
    inplace=True,
)
class Square(Elementwise):
    """y = x^2;  gx = 2 gy conj(x)."""

    value = staticmethod(torch.square)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0]))
