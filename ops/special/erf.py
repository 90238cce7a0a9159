"""erf: the error function."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "erf",
    methods=("erf",),
    overrides=(torch.erf, torch.special.erf, torch.ops.aten.erf.default),
    elementwise=True,
    inplace=True,
)
class Erf(Elementwise):
    """y = 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x;  gx = gy 2/sqrt(pi) exp(-x^2)."""

    value = staticmethod(torch.erf)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return (2 / math.sqrt(math.pi)) * (-(x * x)).exp()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-10.0, 0.0, 10.0]))
