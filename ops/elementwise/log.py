"""log: the natural logarithm."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "log",
    methods=("log",),
    overrides=(torch.log, torch.ops.aten.log.default),
    elementwise=True,
    inplace=True,
)
class Log(Function):
    """y = log(x);  gx = gy / conj(x).

    At 0, y = -inf and gx is infinite; for a real x < 0, y is nan but gx is not.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.log(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        # By hand: gy / x rounds once, gy (1 / x) twice, and 1 / x overflows where x is subnormal.
        return gy / conj(x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3))
        yield Sample(make.complex(5))
        yield Sample(make(low=0.3))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, -2.0, 1.0]))
