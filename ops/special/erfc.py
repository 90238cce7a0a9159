"""erfc: one minus the error function, exact where that is near one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "erfc",
    methods=("erfc",),
    overrides=(torch.erfc, torch.special.erfc, torch.ops.aten.erfc.default),
    elementwise=True,
    inplace=True,
)
class Erfc(Elementwise):
    """y = 1 - erf(x);  gx = -gy 2/sqrt(pi) exp(-x^2)."""

    value = staticmethod(torch.erfc)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return (-2 / math.sqrt(math.pi)) * (-(x * x)).exp()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-10.0, 0.0, 10.0]))
