"""atan: the angle with this tangent."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "atan",
    methods=("atan", "arctan"),
    overrides=(
        torch.atan,
        torch.arctan,
        torch.ops.aten.atan.default,
        torch.ops.aten.arctan.default,
    ),
    elementwise=True,
    inplace=True,
)
class Atan(Elementwise):
    """y = atan(x);  gx = gy conj(1 / (1 + x^2))."""

    value = staticmethod(torch.atan)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return 1 / (1 + x * x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -1000.0, 1.0]))
