"""acosh: the number with this hyperbolic cosine."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op
from plugrad.ops.elementwise._cut import rsqrt_beside_cut


@op(
    "acosh",
    methods=("acosh", "arccosh"),
    overrides=(
        torch.acosh,
        torch.arccosh,
        torch.ops.aten.acosh.default,
        torch.ops.aten.arccosh.default,
    ),
    elementwise=True,
    equivalent={"wrong-at-0[x]": "0 is below 1, where a real x has no y and a complex one a cut"},
    inplace=True,
)
class Acosh(Elementwise):
    """y = acosh(x);  gx = gy conj(1 / sqrt(x^2 - 1)).

    It is infinite at 1, and nan below, as y is; for real x below -1 it is a number, as in torch.
    For complex x the cut is below 1: on it the sign of the zero says on which side x is, for
    gx as for y.
    """

    value = staticmethod(torch.acosh)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        if x.is_complex():
            return rsqrt_beside_cut(x - 1, x.imag) * rsqrt_beside_cut(x + 1, x.imag)
        size = x.abs()
        return (size - 1).rsqrt() * (size + 1).rsqrt()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=1.1, high=3.0))
        at_the_end = "of complex numbers infinity is not one point: it is nan, as in torch"
        yield Sample(make.complex(5)).waive("no-nan", at_the_end)
        yield Sample(make(low=1.1, high=3.0))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([1.001, 1000.0]))
