"""threshold_backward: relu's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops._number import number


@op(
    "threshold_backward",
    overrides=(
        torch.ops.aten.threshold_backward.default,
        torch.ops.aten.threshold_backward,
    ),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
    elementwise=True,
)
class ThresholdBackward(Function):
    """z = 0 where y <= threshold, else x;  gx = gz where z can be x, else 0. gy = 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, threshold: float) -> Tensor:
        ctx.save_for_backward(y)
        ctx.threshold = number(threshold)
        return _threshold_backward(x, y, threshold)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor | None]:
        (y,) = ctx.saved_tensors
        return _threshold_backward(gz, y, ctx.threshold), flat_in(1, ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), 0)
        yield Sample(make(5), make(5), 0.5)
        yield Sample(make(), make(), 0)
        yield Sample(make(0, 3), make(0, 3), 0)
        yield Sample(make(4), make.tensor([-1.0, 0.0, 2.0, float("nan")]), 0)


_threshold_backward = torch.ops.aten.threshold_backward.default
