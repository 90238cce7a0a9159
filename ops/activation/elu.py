"""nn.functional.elu: relu with an exponential below zero."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.elu",
    overrides=(torch.ops.aten.elu.default, torch.nn.functional.elu),
    elementwise=True,
    inplace=("elu_",),
)
class Elu(Function):
    """y = scale x where x > 0, else scale alpha (exp(input_scale x) - 1).

    gx = gy scale where x > 0, else gy scale alpha input_scale exp(input_scale x).
    torch.nn.functional.elu has no scales: they are for its kin, selu and celu.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1
    ) -> Tensor:
        ctx.numbers = (alpha, scale, input_scale)
        ctx.save_for_backward(x)
        return _elu(x, *ctx.numbers)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _elu_backward(gy, *ctx.numbers, False, x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 2)
        yield Sample(make(3), alpha=-0.5)
        yield Sample(make(3, 4), 0.5, 2, 1.5)
        yield Sample(make(3), scale=2.5, input_scale=0.3)
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-800.0, -0.0, 0.0, 800.0]), 2).at_kink()


_elu = torch.ops.aten.elu.default
_elu_backward = torch.ops.aten.elu_backward.default
