"""rsqrt: one over the square root."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "rsqrt",
    methods=("rsqrt",),
    overrides=(torch.rsqrt, torch.ops.aten.rsqrt.default),
    elementwise=True,
    inplace=True,
)
class Rsqrt(Function):
    """y = 1 / sqrt(x);  gx = -gy conj(y^3) / 2.

    At 0, y and gx are infinite; for a real x < 0 both are nan.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = torch.rsqrt(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        # By hand: -y^3 / 2 loses digits before gy y^3 does, where y is small.
        return -0.5 * gy * conj(y * y * y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3))
        yield Sample(make.complex(5))
        yield Sample(make(low=0.3))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -2.0, 1.0]))
