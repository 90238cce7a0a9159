"""log1p: log(1 + x), exact near 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "log1p",
    methods=("log1p",),
    overrides=(
        torch.log1p,
        torch.special.log1p,
        torch.ops.aten.log1p.default,
        torch.ops.aten.special_log1p.default,
    ),
    elementwise=True,
    inplace=True,
)
class Log1P(Function):
    """y = log(1 + x);  gx = gy / conj(1 + x).

    At -1, y = -inf and gx is infinite; for a real x < -1, y is nan but gx is not.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.log1p(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        # By hand: gy / (1 + x) rounds once, gy times a slope twice.
        return gy / conj(1 + x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=-0.7))
        yield Sample(make.complex(5))
        yield Sample(make(low=-0.7))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-1.0, -2.0, 1e-12]))
        yield Sample(make.tensor([0.0, -0.0, 0.5]))
