"""lgamma: the logarithm of the gamma function."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op
from plugrad.ops.special._gamma import digamma


@op(
    "lgamma",
    methods=("lgamma",),
    overrides=(torch.lgamma, torch.special.gammaln, torch.ops.aten.lgamma.default),
    elementwise=True,
    inplace=True,
)
class Lgamma(Elementwise):
    """y = log(|gamma(x)|);  gx = gy digamma(x).

    At 0 and the negative integers y is infinite.
    """

    value = staticmethod(torch.lgamma)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return digamma(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3))
        yield Sample(make.tensor([-2.5, -1.3, -0.4, 1.0, 2.0, 30.0]))
        yield Sample(make(low=0.3))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, 1.0]))
