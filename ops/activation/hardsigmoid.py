"""nn.functional.hardsigmoid: a sigmoid of three lines."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.hardsigmoid",
    overrides=(
        torch.nn.functional.hardsigmoid,
        torch.ops.aten.hardsigmoid.default,
    ),
    elementwise=True,
    inplace=("hardsigmoid_",),
    waives=dict.fromkeys(("second-order", "third-order"), "torch has none; ours is 0"),
)
class Hardsigmoid(Function):
    """y = min(max(x / 6 + 1/2, 0), 1);  gx = gy / 6 where -3 < x < 3, else 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.nn.functional.hardsigmoid(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _hardsigmoid_backward(gy, x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4, low=-5, high=5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-3.0, -0.0, 3.0, 4.0, float("inf"), float("nan")])).at_kink()


_hardsigmoid_backward = torch.ops.aten.hardsigmoid_backward.default
