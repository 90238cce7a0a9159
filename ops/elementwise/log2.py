"""log2: the logarithm to base two."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "log2",
    methods=("log2",),
    overrides=(torch.log2, torch.ops.aten.log2.default),
    elementwise=True,
    inplace=True,
)
class Log2(Function):
    """y = log(x) / log(2);  gx = gy / (conj(x) log(2)).

    At 0, y = -inf and gx is infinite; for a real x < 0, y is nan but gx is not.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.log2(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gy / (conj(x) * math.log(2))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3))
        yield Sample(make.complex(5))
        yield Sample(make(low=0.3))
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, -2.0, 1.0]))
