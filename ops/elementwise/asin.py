"""asin: the angle with this sine."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op
from plugrad.ops.elementwise._cut import rsqrt_beside_cut
from plugrad.ops.elementwise._square import one_minus_square


@op(
    "asin",
    methods=("asin", "arcsin"),
    overrides=(
        torch.asin,
        torch.arcsin,
        torch.ops.aten.asin.default,
        torch.ops.aten.arcsin.default,
    ),
    elementwise=True,
    inplace=True,
)
class Asin(Elementwise):
    """y = asin(x);  gx = gy conj(1 / sqrt(1 - x^2)).

    It is infinite at 1 and -1, and nan beyond, as y is. For complex x the cuts are there: on
    them the sign of the zero says on which side x is, for gx as for y.
    """

    value = staticmethod(torch.asin)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        inside = one_minus_square(x)
        return rsqrt_beside_cut(inside, -x.real * x.imag) if x.is_complex() else inside.rsqrt()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=-0.9, high=0.9))
        at_the_end = "of complex numbers infinity is not one point: it is nan, as in torch"
        yield Sample(make.complex(5)).waive("no-nan", at_the_end)
        yield Sample(make(low=-0.9, high=0.9))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.5, 0.999]))
