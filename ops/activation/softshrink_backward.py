"""softshrink_backward: softshrink's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in


@op(
    "softshrink_backward",
    overrides=(torch.ops.aten.softshrink_backward.default, torch.ops.aten.softshrink_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    linear=True,
    elementwise=True,
)
class SoftshrinkBackward(Function):
    """z = x where |y| > lambd, else 0;  gx = gz there, else 0. gy = 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, lambd: float) -> Tensor:
        ctx.numbers = (lambd,)
        ctx.save_for_backward(y)
        return _softshrink_backward(x, y, lambd)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (y,) = ctx.saved_tensors
        gx = _softshrink_backward(gz, y, *ctx.numbers) if ctx.needs_input_grad[0] else None
        return gx, flat_in(1, ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), 0.5)
        yield Sample(make(3, 4), make(4), 0.5)
        yield Sample(make(), make(), 0.5)
        yield Sample(make(0, 3), make(0, 3), 0.5)
        yield Sample(make(2, 3, 1), make(4), 0.5)
        yield Sample(make(4), make(3, 1), 0.5)
        yield Sample(make(3), make(3), 0.5).constant(0)
        yield Sample(make(3), make(3), 0.5).constant(1)
        yield Sample(make(3, 4), make(3, 4), 1)
        yield Sample(make(4), make.tensor([-0.5, 0.0, 0.5, float("nan")]), 0.5)


_softshrink_backward = torch.ops.aten.softshrink_backward.default
