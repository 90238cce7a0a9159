"""nn.functional.leaky_relu: relu with a slope below zero."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.leaky_relu",
    overrides=(
        torch.nn.functional.leaky_relu,
        torch.ops.aten.leaky_relu.default,
    ),
    elementwise=True,
    inplace=("leaky_relu_",),
)
class LeakyRelu(Function):
    """y = x where x > 0, else negative_slope x;  gx = gy there, else negative_slope gy."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, negative_slope: float = 0.01) -> Tensor:
        ctx.negative_slope = negative_slope
        ctx.save_for_backward(x)
        return torch.nn.functional.leaky_relu(x, ctx.negative_slope)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _leaky_relu_backward(gy, x, ctx.negative_slope, False)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 0.2)
        yield Sample(make(3), negative_slope=-1.5)
        yield Sample(make(3), 0)
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-1.0, -0.0, 0.0, 2.0, float("nan")])).at_kink()


_leaky_relu_backward = torch.ops.aten.leaky_relu_backward.default
