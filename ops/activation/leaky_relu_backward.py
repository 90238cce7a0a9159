"""leaky_relu_backward: leaky_relu's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in


@op(
    "leaky_relu_backward",
    overrides=(torch.ops.aten.leaky_relu_backward.default, torch.ops.aten.leaky_relu_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    linear=True,
    elementwise=True,
)
class LeakyReluBackward(Function):
    """z = x where y > 0, else negative_slope x;  gx = gz there, else negative_slope gz. gy = 0."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, y: Tensor, negative_slope: float, self_is_result: bool
    ) -> Tensor:
        ctx.negative_slope = negative_slope
        ctx.save_for_backward(y)
        return _leaky_relu_backward(x, y, ctx.negative_slope, self_is_result)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (y,) = ctx.saved_tensors
        if not ctx.needs_input_grad[0]:
            return None, flat_in(1, ctx, gz)
        return _leaky_relu_backward(gz, y, ctx.negative_slope, False), flat_in(1, ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), 0.01, False)
        yield Sample(make(3, 4), make(4), 0.01, False)
        yield Sample(make(3, 4), make(3, 4), 0.5, True)
        yield Sample(make(3), make(3), -1.5, False)
        yield Sample(make(), make(), 0.01, False)
        yield Sample(make(0, 3), make(0, 3), 0.01, False)
        yield Sample(make(2, 3, 1), make(4), 0.2, False)
        yield Sample(make(4), make(3, 1), 0.2, False)
        yield Sample(make(3), make(3), 0.2, False).constant(0)
        yield Sample(make(3), make(3), 0.2, False).constant(1)
        yield Sample(make(4), make.tensor([-1.0, 0.0, 1.0, float("nan")]), 0.2, False)


_leaky_relu_backward = torch.ops.aten.leaky_relu_backward.default
