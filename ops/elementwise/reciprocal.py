"""reciprocal: one over x."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "reciprocal",
    methods=("reciprocal",),
    overrides=(torch.reciprocal, torch.ops.aten.reciprocal.default),
    elementwise=True,
    inplace=True,
)
class Reciprocal(Function):
    """y = 1 / x;  gx = -gy conj(y^2). At 0, both are infinite."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = torch.reciprocal(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        # By hand: gy times -y^2 has other signs than torch's at a complex zero.
        return -gy * conj(y * y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.nonzero(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make.nonzero())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 4.0]))
