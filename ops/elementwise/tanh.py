"""tanh: the hyperbolic tangent."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "tanh",
    methods=("tanh",),
    overrides=(torch.tanh, torch.ops.aten.tanh.default),
    elementwise=True,
    inplace=True,
)
class Tanh(Elementwise):
    """y = tanh(x);  gx = gy conj(1 - y^2)."""

    needs = "y"
    value = staticmethod(torch.tanh)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return 1 - y * y

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 0.5]))
