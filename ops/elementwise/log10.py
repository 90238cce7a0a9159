"""log10: the logarithm to base ten."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "log10",
    methods=("log10",),
    overrides=(torch.log10, torch.ops.aten.log10.default),
    elementwise=True,
    inplace=True,
)
class Log10(Function):
    """y = log(x) / log(10);  gx = gy / (conj(x) log(10)).

    At 0, y = -inf and gx is infinite; for a real x < 0, y is nan but gx is not.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.log10(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gy / (conj(x) * math.log(10))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3))
        yield Sample(make.complex(5))
        yield Sample(make(low=0.3))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, -2.0, 1.0]))
