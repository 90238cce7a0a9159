"""hardsigmoid_backward: hardsigmoid's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in


@op(
    "hardsigmoid_backward",
    overrides=(torch.ops.aten.hardsigmoid_backward.default, torch.ops.aten.hardsigmoid_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    linear=True,
    elementwise=True,
)
class HardsigmoidBackward(Function):
    """z = x / 6 where -3 < y < 3, else 0;  gx = gz / 6 there, else 0. gy = 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        return _hardsigmoid_backward(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (y,) = ctx.saved_tensors
        gx = _hardsigmoid_backward(gz, y) if ctx.needs_input_grad[0] else None
        return gx, flat_in(1, ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 4), make(4))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make(2, 3, 1), make(4))
        yield Sample(make(4), make(3, 1))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(3, 4), make(3, 4, low=-5, high=5))
        yield Sample(make(5), make.tensor([-3.0, 0.0, 3.0, 4.0, float("nan")]))


_hardsigmoid_backward = torch.ops.aten.hardsigmoid_backward.default
