"""huber_loss_backward: huber_loss's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.loss import _difference


@op(
    "huber_loss_backward",
    overrides=(torch.ops.aten.huber_loss_backward.default, torch.ops.aten.huber_loss_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    equivalent=_difference.EQUIVALENT,
)
class HuberLossBackward(Function):
    """z = x d where |d| < delta, else x delta sign(d), for d = y - target.

    gx is the same of gz for x; gy = gz x where |d| < delta, else 0; gtarget = -gy. All are
    divided by the size of y for a mean.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, y: Tensor, target: Tensor, reduction: int, delta: float
    ) -> Tensor:
        _difference.save(ctx, x, y, target)
        ctx.reduction, ctx.delta = int(reduction), number(delta)
        return _backward(x, y, target, reduction, delta)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        delta = ctx.delta

        def curvature(d: Tensor, g: Tensor) -> Tensor:
            return torch.where(d.abs() < delta, g, 0.0)

        return _difference.second_gradients(ctx, gz, curvature, _backward, ctx.reduction, delta)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _difference.backward_samples(make, 1.0)
        yield Sample(make(2, 3), make(2, 3), make(2, 3), 0, 0.4)
        yield Sample(make(), make(2, 3), make(2, 3), 1, 0.4)
        zero, one, cotangent = make.tensor([0.0, 0.0]), make.tensor([1.0, -3.0]), make(2)
        yield Sample(cotangent, zero, one, 0, 1.0).at_kink()
        yield Sample(zero, make.tensor([0.0, 1.0]), make.tensor([0.0, 3.0]), 2, 1.0)


_backward = torch.ops.aten.huber_loss_backward.default
