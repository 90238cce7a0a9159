"""sin: the sine."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "sin",
    methods=("sin",),
    overrides=(torch.sin, torch.ops.aten.sin.default),
    elementwise=True,
    inplace=True,
)
class Sin(Elementwise):
    """y = sin(x), x in radians;  gx = gy conj(cos(x))."""

    value = staticmethod(torch.sin)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return x.cos()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 0.5]))
