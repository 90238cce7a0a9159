"""atan2: the angle of the point (y, x)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before


@op(
    "atan2",
    methods=("atan2", "arctan2"),
    overrides=(
        torch.atan2,
        torch.arctan2,
        torch.ops.aten.atan2.default,
        torch.ops.aten.arctan2.default,
    ),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Atan2(Function):
    """z = the angle of the vector with the coordinates y and x, from the axis of y.

    gx = gz y / (x^2 + y^2), gy = -gz x / (x^2 + y^2), and 0 where both are 0, or one is
    infinite and none nan.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.atan2(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        far = (x.isinf() | y.isinf()) & ~(x.isnan() | y.isnan())
        x, y = torch.where(far, 0.0, x), torch.where(far, 0.0, y)
        z = torch.hypot(x, y)  # of squares the sum would overflow
        z = torch.where(z == 0, math.inf, z)  # for which the second derivatives are 0, too
        return gz * (y / z) / z if need_gx else None, -gz * (x / z) / z if need_gy else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make())
        yield Sample(make.tensor([0.0, 1.0, -2.0]), make.tensor([1.0, 0.0, 0.5]))
        origin = Sample(make.tensor([0.0, 1.0]), make.tensor([0.0, 2.0]))
        if torch_before("2.13"):
            origin = origin.without_oracle("torch's own was nan where both are 0")
        yield origin.at_kink()
        infinite = Sample(make.tensor([math.inf, 1.0]), make.tensor([1.0, 2.0]))
        yield infinite.without_oracle("it is nan where one is infinite")
