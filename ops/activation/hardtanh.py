"""nn.functional.hardtanh: each element kept between two numbers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.hardtanh",
    overrides=(
        torch.nn.functional.hardtanh,
        torch.ops.aten.hardtanh.default,
    ),
    elementwise=True,
    inplace=("hardtanh_",),
)
class Hardtanh(Function):
    """y = min(max(x, min_val), max_val);  gx = gy where min_val < x < max_val, else 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, min_val: float = -1, max_val: float = 1) -> Tensor:
        ctx.numbers = (min_val, max_val)
        ctx.save_for_backward(x)
        return torch.nn.functional.hardtanh(x, min_val, max_val)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _hardtanh_backward(gy, x, *ctx.numbers)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), -0.5, 1.5)
        yield Sample(make(3), min_val=0, max_val=6)
        yield Sample(make.integers(5), 1, 3)
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-1.0, -0.0, 1.0, 2.0, float("inf"), float("nan")])).at_kink()


_hardtanh_backward = torch.ops.aten.hardtanh_backward.default
