"""polygamma_method: x.polygamma(n), which is polygamma(n, x)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._number import constant, number


@op(
    "polygamma_method",
    methods=("polygamma",),
    reference=torch.Tensor.polygamma,
    elementwise=True,
    waives={"no-nan": "torch has polygamma(1, x) finite at its poles, and polygamma(2, inf) nan"},
    inplace=True,
)
class PolygammaMethod(Composite):
    """y = the n-th derivative of digamma at x: torch's method names x before n."""

    @staticmethod
    def forward(x: Tensor, n: int) -> Tensor:
        return torch.polygamma(number(constant(n, "polygamma", "n")), x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3), 1)
        yield Sample(make(3, low=0.3), n=0)
        yield Sample(make(low=0.3), 2)
        yield Sample(make(0, 3), 1)
        yield Sample(make.tensor([-2.5, 1.0]), 1)
