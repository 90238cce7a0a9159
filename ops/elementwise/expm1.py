"""expm1: e^x - 1, exact near 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "expm1",
    methods=("expm1",),
    overrides=(torch.expm1, torch.special.expm1),
    elementwise=True,
    inplace=True,
)
class Expm1(Function):
    """y = e^x - 1;  gx = gy conj(y + 1)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = torch.expm1(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gy * conj(y + 1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, 1e-12]))
