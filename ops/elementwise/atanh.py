"""atanh: the number with this hyperbolic tangent."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op
from plugrad.ops.elementwise._square import one_minus_square


@op(
    "atanh",
    methods=("atanh", "arctanh"),
    overrides=(
        torch.atanh,
        torch.arctanh,
        torch.ops.aten.atanh.default,
        torch.ops.aten.arctanh.default,
    ),
    elementwise=True,
    inplace=True,
)
class Atanh(Elementwise):
    """y = atanh(x);  gx = gy conj(1 / (1 - x^2)).

    It is infinite at 1 and -1, as y is.
    """

    value = staticmethod(torch.atanh)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return 1 / one_minus_square(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=-0.9, high=0.9))
        yield Sample(make.complex(5))
        yield Sample(make(low=-0.9, high=0.9))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.5, 0.999]))
