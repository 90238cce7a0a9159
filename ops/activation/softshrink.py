"""nn.functional.softshrink: zero near zero, and nearer to zero elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.softshrink",
    overrides=(
        torch.nn.functional.softshrink,
        torch.ops.aten.softshrink.default,
    ),
    elementwise=True,
)
class Softshrink(Function):
    """y = x - lambd where x > lambd, x + lambd where x < -lambd, else 0;  gx = gy, gy and 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, lambd: float = 0.5) -> Tensor:
        ctx.numbers = (lambd,)
        ctx.save_for_backward(x)
        return torch.nn.functional.softshrink(x, lambd)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _softshrink_backward(gy, x, *ctx.numbers)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 1)
        yield Sample(make(3), lambd=0.2)
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-0.5, -0.0, 0.0, 0.5, 2.0, float("nan")])).at_kink()
        yield Sample(make(3), -1).raises(RuntimeError, "lambda must be")


_softshrink_backward = torch.ops.aten.softshrink_backward.default
