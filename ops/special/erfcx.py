"""special.erfcx: the complementary error function without its decay."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "erfcx",
    overrides=(torch.special.erfcx, torch.ops.aten.special_erfcx.default),
    elementwise=True,
)
class Erfcx(Elementwise):
    """y = exp(x^2) erfc(x);  gx = gy (2 x y - 2 / sqrt(pi)).

    For large x that cancels: from 8 on the slope is its asymptotic series (DLMF 7.12.1, term by
    term), -1 / (sqrt(pi) x^2) times the sum of (2k+1)!! / (-2 x^2)^k.
    """

    value = staticmethod(torch.special.erfcx)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        far = x > 8
        near, inverse = torch.where(far, 0.0, x), 1 / torch.where(far, x, math.inf)
        exact = 2 * near * torch.special.erfcx(near) - 2 / math.sqrt(math.pi)
        square = inverse * inverse
        series = torch.ones_like(square)
        for k in range(20, 0, -1):
            series = 1 - series * square * (k + 0.5)
        return torch.where(far, series * square / -math.sqrt(math.pi), exact)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, 5.0, -3.0, 10.5, 50.0]))
        yield Sample(make.tensor([20.0, 7.9]))
