"""nn.functional.threshold: a value in place of what is small."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.threshold",
    overrides=(
        torch.threshold,
        torch.nn.functional.threshold,
        torch.ops.aten.threshold.default,
    ),
    elementwise=True,
    inplace=("threshold_",),
)
class Threshold(Function):
    """y = x where x > threshold, else value;  gx = gy there, else 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, threshold: float, value: float) -> Tensor:
        ctx.threshold = threshold
        ctx.save_for_backward(x)
        return torch.threshold(x, threshold, value)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _threshold_backward(gy, x, ctx.threshold)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0.5, 2)
        yield Sample(make(3, 4), threshold=0, value=-1.5)
        yield Sample(make.integers(5), 2, 7)
        yield Sample(make(), 0, 1)
        yield Sample(make(0, 3), 0, 1)
        yield Sample(
            make.tensor([-1.0, -0.0, 0.0, 2.0, float("inf"), float("nan")]), 0, 0.5
        ).at_kink()


_threshold_backward = torch.ops.aten.threshold_backward.default
