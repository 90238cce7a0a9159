"""erfinv: the inverse of the error function."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "erfinv",
    methods=("erfinv",),
    overrides=(torch.erfinv, torch.special.erfinv, torch.ops.aten.erfinv.default),
    elementwise=True,
    inplace=True,
)
class Erfinv(Elementwise):
    """y = erfinv(x);  gx = gy sqrt(pi) / 2 exp(y^2), infinite at 1 and -1."""

    # Not y: what comes after may change it in place, as nn.init.trunc_normal_ does.
    value = staticmethod(torch.erfinv)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return (math.sqrt(math.pi) / 2) * x.erfinv().square().exp()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=-0.9, high=0.9))
        yield Sample(make(low=-0.9, high=0.9))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.999, 0.5]))
