"""special.ndtri: the normal distribution's quantile."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "ndtri",
    overrides=(torch.special.ndtri, torch.ops.aten.special_ndtri.default),
    elementwise=True,
)
class Ndtri(Elementwise):
    """The y at which the standard normal distribution reaches x;  gx = gy sqrt(2 pi) exp(y^2 / 2).

    Infinite at 0 and 1.
    """

    needs = "y"
    value = staticmethod(torch.special.ndtri)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return math.sqrt(2 * math.pi) * (y * y / 2).exp()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, domain="probability"))
        yield Sample(make(domain="probability"))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.5, 0.25, 0.999]))
