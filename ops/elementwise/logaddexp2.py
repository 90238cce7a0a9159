"""logaddexp2: the logarithm to base 2 of a sum of powers of 2."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "logaddexp2",
    methods=("logaddexp2",),
    overrides=(torch.logaddexp2, torch.ops.aten.logaddexp2.default, torch.ops.aten.logaddexp2),
    broadcasts=True,
    elementwise=True,
)
class Logaddexp2(Function):
    """z = log2(2^x + 2^y);  gx = gz sigmoid(log(2) (x - y)), gy = gz sigmoid(log(2) (y - x))."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.logaddexp2(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        d = (x - y) * math.log(2)
        gx = gz * d.sigmoid() if need_gx else None
        gy = gz * (-d).sigmoid() if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make())
        yield Sample(make.tensor([40.0, -40.0, 0.0, 1.0]), make.tensor([-40.0, 1.0, 0.0, 40.0]))
        yield Sample(make.tensor([1600.0, -1600.0]), make.tensor([-1600.0, 1600.0]))
