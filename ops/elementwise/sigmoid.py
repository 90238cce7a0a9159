"""sigmoid: the logistic function."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "sigmoid",
    methods=("sigmoid",),
    overrides=(torch.sigmoid, torch.special.expit),
    elementwise=True,
    inplace=True,
)
class Sigmoid(Function):
    """y = 1 / (1 + exp(-x));  gx = gy conj(y (1 - y))."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gy * conj(y * (1 - y))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-800.0, -40.0, 40.0, 800.0]))
        yield Sample(make.tensor([0.0, -0.0, 0.5]))
