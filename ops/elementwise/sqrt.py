"""sqrt: the square root."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "sqrt",
    methods=("sqrt",),
    overrides=(torch.sqrt, torch.ops.aten.sqrt.default),
    elementwise=True,
    inplace=True,
)
class Sqrt(Function):
    """y = sqrt(x);  gx = gy / (2 conj(y)).

    At 0, gx is infinite; for a real x < 0, y and gx are nan.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = torch.sqrt(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        # By hand: gy / (2 y) rounds once, gy times a slope twice.
        return gy / (2 * conj(y))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3))
        yield Sample(make.complex(5)).waive(
            "no-nan", "at 0 the slope is infinite, and a complex division by 0 is nan"
        )
        yield Sample(make(low=0.3))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -2.0, 1.0]))
