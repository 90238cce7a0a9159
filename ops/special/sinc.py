"""sinc: sin(pi x) / (pi x), and 1 at 0."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "sinc",
    methods=("sinc",),
    overrides=(
        torch.sinc,
        torch.special.sinc,
        torch.ops.aten.sinc.default,
        torch.ops.aten.special_sinc.default,
    ),
    elementwise=True,
    inplace=True,
    waives={"magnitudes": "near 0 torch's own gradient has few right digits or none"},
)
class Sinc(Elementwise):
    """y = sin(pi x) / (pi x), 1 at 0;  gx = gy conj((cos(pi x) - y) / x).

    Where |pi x| < 1 the slope is its power series, the sum of (-1)^k 2k pi (pi x)^(2k-1) / (2k+1)!:
    there the difference cancels, and at 0 the quotient has no value.
    """

    value = staticmethod(torch.sinc)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        near = x.abs() < 1 / math.pi
        z = math.pi * torch.where(near, x, 0.0)
        far = torch.where(near, 1.0, x)
        series = torch.zeros_like(z)
        for k in range(12, 0, -1):
            series = series * (z * z) + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
        exact = ((math.pi * far).cos() - torch.sinc(far)) / far
        return torch.where(near, math.pi * series * z, exact)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.tensor([0.25, 0.5, -1.0, 1.5, -0.3]))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-0.2, 0.1])).waive("stretched", "near 0 torch's own cancels")
        yield Sample(make.tensor([0.0]))
