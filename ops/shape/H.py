"""H: the attribute H, the conjugate transpose of a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("H", properties=("H",), reference=attrgetter("H"), linear=True, view=True)
class H(Function):
    """y = conj(x)^T, a view;  gx = conj(gy)^T."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return x.H

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.H

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(2, 3))
        yield Sample(make(0, 3))
