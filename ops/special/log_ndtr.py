"""special.log_ndtr: the logarithm of the normal distribution function."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "log_ndtr",
    overrides=(torch.special.log_ndtr, torch.ops.aten.special_log_ndtr.default),
    elementwise=True,
)
class LogNdtr(Elementwise):
    """y = log(P(x)), P the standard normal distribution;  gx = gy p(x) / P(x), p its density.

    p / P = exp(-x^2 / 2 - y) / sqrt(2 pi). That cancels where x < 0; there it is computed as
    sqrt(2 / pi) / erfcx(-x / sqrt(2)).
    """

    value = staticmethod(torch.special.log_ndtr)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        low, high = torch.where(x < 0, x, 0.0), torch.where(x < 0, 0.0, x)
        left = math.sqrt(2 / math.pi) / torch.special.erfcx(low * -math.sqrt(0.5))
        right = (-(high * high / 2) - torch.special.log_ndtr(high)).exp()
        return torch.where(x < 0, left, right / math.sqrt(2 * math.pi))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        far = Sample(make.tensor([0.0, -5.0, 5.0, 40.0]))
        yield far.waive("stretched", "torch's own gradient cancels far below 0")
