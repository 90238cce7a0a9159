"""exp2: two to the power x."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "exp2",
    methods=("exp2",),
    overrides=(torch.exp2, torch.special.exp2, torch.ops.aten.exp2.default),
    elementwise=True,
    inplace=True,
)
class Exp2(Elementwise):
    """y = 2^x;  gx = gy log(2) conj(y)."""

    needs = "y"
    value = staticmethod(torch.exp2)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return y * math.log(2)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.complex(5))
        yield Sample(make.tensor([-2000.0, 0.0, 1.0]))
