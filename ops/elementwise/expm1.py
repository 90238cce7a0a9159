"""expm1: e^x - 1, exact near 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op


@op(
    "expm1",
    methods=("expm1",),
    overrides=(
        torch.expm1,
        torch.special.expm1,
        torch.ops.aten.expm1.default,
        torch.ops.aten.special_expm1.default,
    ),
    elementwise=True,
    inplace=True,
)
class Expm1(Elementwise):
    """y = e^x - 1;  gx = gy conj(y + 1).

    As in torch it comes from y alone: it has 12 digits down to x = -8, and is 0 below -37.
    """

    needs = "y"
    value = staticmethod(torch.expm1)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return y + 1

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, 1e-12]))
