"""hardshrink: zero near zero."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "hardshrink",
    methods=("hardshrink",),
    overrides=(
        torch.hardshrink,
        torch.nn.functional.hardshrink,
        torch.ops.aten.hardshrink.default,
    ),
    elementwise=True,
)
class Hardshrink(Function):
    """y = x where |x| > lambd, else 0;  gx = gy there, else 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, lambd: float = 0.5) -> Tensor:
        ctx.numbers = (lambd,)
        ctx.save_for_backward(x)
        return torch.hardshrink(x, lambd)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _hardshrink_backward(gy, x, *ctx.numbers)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 1)
        yield Sample(make(3), lambd=0.2)
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-0.5, -0.0, 0.0, 0.5, 2.0, float("nan")])).at_kink()


_hardshrink_backward = torch.ops.aten.hardshrink_backward.default
