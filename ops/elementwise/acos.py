"""acos: the angle with this cosine."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op
from plugrad.ops.elementwise._cut import rsqrt_beside_cut
from plugrad.ops.elementwise._square import one_minus_square


@op(
    "acos",
    methods=("acos", "arccos"),
    overrides=(
        torch.acos,
        torch.arccos,
        torch.ops.aten.acos.default,
        torch.ops.aten.arccos.default,
    ),
    elementwise=True,
    inplace=True,
)
class Acos(Elementwise):
    """y = acos(x);  gx = -gy conj(1 / sqrt(1 - x^2)).

    It is infinite at 1 and -1, and nan beyond, as y is. For complex x the cuts are there: on
    them the sign of the zero says on which side x is, for gx as for y.
    """

    value = staticmethod(torch.acos)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        inside = one_minus_square(x)
        return -(rsqrt_beside_cut(inside, -x.real * x.imag) if x.is_complex() else inside.rsqrt())

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=-0.9, high=0.9))
        at_the_end = "of complex numbers infinity is not one point: it is nan, as in torch"
        yield Sample(make.complex(5)).waive("no-nan", at_the_end)
        yield Sample(make(low=-0.9, high=0.9))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.5, 0.999]))
