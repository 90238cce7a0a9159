"""hypot: the length of a vector of two coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "hypot",
    methods=("hypot",),
    overrides=(torch.hypot, torch.ops.aten.hypot.default),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Hypot(Function):
    """z = sqrt(x^2 + y^2), without overflow;  gx = gz x / z, gy = gz y / z.

    Both are 0 where x and y are.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        z = torch.hypot(x, y)
        ctx.save_for_backward(x, y, z)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y, z = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        z = torch.where(z == 0, math.inf, z)  # for which the second derivatives are 0, too
        return gz * (x / z) if need_gx else None, gz * (y / z) if need_gy else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make())
        yield Sample(make.tensor([0.0, 1.0, -2.0]), make.tensor([1.0, 0.0, 0.5]))
        origin = Sample(make.tensor([0.0, 1.0]), make.tensor([0.0, 2.0])).at_kink()
        yield origin.without_oracle("it is nan where both are 0")
