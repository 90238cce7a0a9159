"""mse_loss_forward: the mean squared difference, as torch's kernel takes its arguments."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.loss import _difference


@op(
    "mse_loss_forward",
    overrides=(torch.ops.aten.mse_loss.default, torch.ops.aten.mse_loss),
    reference=_difference.of_one_shape(torch.ops.aten.mse_loss.default),
    aliases={"target": "y"},
    broadcasts=True,
)
class MseLossForward(Function):
    """z = (x - y)^2, averaged (reduction 1), summed (2) or neither (0).

    gx = 2 gz (x - y), divided by their size for a mean; gy = -gx.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, reduction: int = 1) -> Tensor:
        ctx.reduction = int(reduction)
        return _difference.forward(ctx, _forward, x, y, reduction)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        return _difference.gradients(ctx, gz, _backward, ctx.reduction)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _difference.samples(make)
        yield Sample(make(2, 3), target=make(2, 3))
        yield Sample(make.tensor([0.0, 2.0, 1.0]), make.tensor([-3.0, 0.0, 4.0]))


_forward = torch.ops.aten.mse_loss.default
_backward = torch.ops.aten.mse_loss_backward.default
