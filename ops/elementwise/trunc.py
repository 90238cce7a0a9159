"""trunc: x without its fraction, rounded towards 0."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "trunc",
    methods=("trunc", "fix"),
    overrides=(torch.trunc, torch.fix, torch.ops.aten.trunc.default, torch.ops.aten.fix.default),
    elementwise=True,
    inplace=True,
)
class Trunc(Function):
    """y = trunc(x);  gx = 0, also at the jumps."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return torch.trunc(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.zeros_like(gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-2.0, -1.5, -0.0, 0.0, 0.5, 1.0, 2.5])).at_kink()
