"""asinh: the number with this hyperbolic sine."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Elementwise, Sample, SampleMaker, op
from plugrad.ops.elementwise._cut import rsqrt_beside_cut


@op(
    "asinh",
    methods=("asinh", "arcsinh"),
    overrides=(
        torch.asinh,
        torch.arcsinh,
        torch.ops.aten.asinh.default,
        torch.ops.aten.arcsinh.default,
    ),
    elementwise=True,
    inplace=True,
)
class Asinh(Elementwise):
    """y = asinh(x);  gx = gy conj(1 / sqrt(1 + x^2)).

    Beyond i and -i are the cuts: on them the sign of the zero says on which side x is, for gx as
    for y.
    """

    value = staticmethod(torch.asinh)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        inside = 1 + x * x
        return rsqrt_beside_cut(inside, x.real * x.imag) if x.is_complex() else inside.rsqrt()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -1000.0, 1.0]))
