"""huber_loss_forward: a parabola, and lines where the difference is large."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.loss import _difference


@op(
    "huber_loss_forward",
    overrides=(
        torch.ops.aten.huber_loss.default,
        torch.ops.aten.huber_loss,
    ),
    reference=_difference.of_one_shape(torch.ops.aten.huber_loss.default),
    aliases={"target": "y"},
    broadcasts=True,
)
class HuberLossForward(Function):
    """z = d^2 / 2 where |d| < delta, else delta (|d| - delta / 2), for d = x - y.

    Averaged (reduction 1), summed (2), or neither (0). gx = gz d, or gz delta sign(d), divided
    by their size for a mean; gy = -gx.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, y: Tensor, reduction: int = 1, delta: float = 1.0
    ) -> Tensor:
        ctx.reduction, ctx.delta = int(reduction), number(delta)
        return _difference.forward(ctx, _forward, x, y, reduction, delta)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        return _difference.gradients(ctx, gz, _backward, ctx.reduction, ctx.delta)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _difference.samples(make)
        for reduction in (0, 1, 2):
            yield Sample(make(2, 3), make(2, 3), reduction, 0.4)
        yield Sample(make(2, 3), target=make(2, 3), delta=2.5)
        yield Sample(make.tensor([0.0, 2.0, 0.5]), make.tensor([0.0, 1.0, 0.0]))
        yield Sample(make(2), make(2), 1, 0.0).raises(RuntimeError, "non-positive values")


_forward = torch.ops.aten.huber_loss.default
_backward = torch.ops.aten.huber_loss_backward.default
