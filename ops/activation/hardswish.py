"""nn.functional.hardswish: x times its hardsigmoid."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.hardswish",
    overrides=(
        torch.nn.functional.hardswish,
        torch.ops.aten.hardswish.default,
    ),
    elementwise=True,
    inplace=("hardswish_",),
)
class Hardswish(Function):
    """y = x min(max(x + 3, 0), 6) / 6;  gx = gy (x / 3 + 1/2) where -3 < x < 3, 0 below, gy above.

    Howard et al., "Searching for MobileNetV3", 2019.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.nn.functional.hardswish(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _hardswish_backward(gy, x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4, low=-5, high=5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-3.0, -0.0, 3.0, 4.0, float("inf"), float("nan")])).at_kink()


_hardswish_backward = torch.ops.aten.hardswish_backward.default
