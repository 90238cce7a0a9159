"""digamma: the logarithmic derivative of the gamma function."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "digamma",
    methods=("digamma",),
    overrides=(
        torch.digamma,
        torch.special.digamma,
        torch.special.psi,
        torch.ops.aten.digamma.default,
    ),
    elementwise=True,
    inplace=True,
)
class Digamma(Elementwise):
    """y = gamma'(x) / gamma(x);  gx = gy polygamma(1, x).

    At 0 y is infinite, at the negative integers it is nan. torch's polygamma of order 1 has nine
    digits in float64, and so has gx.
    """

    value = staticmethod(torch.digamma)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return torch.polygamma(1, x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3))
        yield Sample(make.tensor([-2.5, -1.3, -0.4, 1.0, 2.0, 30.0]))
        yield Sample(make(low=0.3))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, 1.0]))
