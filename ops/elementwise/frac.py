"""frac: the fraction of a number."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "frac",
    methods=("frac",),
    overrides=(torch.frac, torch.ops.aten.frac.default),
    elementwise=True,
    inplace=True,
)
class Frac(Function):
    """y = x - trunc(x);  gx = gy, also at the jumps."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.frac(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-1.5, 0.0, 0.5, 2.25]))
        yield Sample(make.tensor([-2.0, 1.0])).at_kink()
