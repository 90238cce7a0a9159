"""exp: the exponential function."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "exp",
    methods=("exp",),
    overrides=(torch.exp, torch.ops.aten.exp.default),
    elementwise=True,
    inplace=True,
)
class Exp(Elementwise):
    """y = e^x;  gx = gy conj(y)."""

    needs = "y"
    value = staticmethod(torch.exp)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return y

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 0.5]))
