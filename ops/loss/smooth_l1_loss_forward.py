"""smooth_l1_loss_forward: the absolute difference, and a parabola where it is small."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.loss import _difference


@op(
    "smooth_l1_loss_forward",
    overrides=(torch.ops.aten.smooth_l1_loss.default, torch.ops.aten.smooth_l1_loss),
    reference=_difference.of_one_shape(torch.ops.aten.smooth_l1_loss.default),
    aliases={"target": "y"},
    broadcasts=True,
)
class SmoothL1LossForward(Function):
    """z = d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, for d = x - y.

    Averaged (reduction 1), summed (2), or neither (0). gx = gz d / beta, or gz sign(d), divided
    by their size for a mean; gy = -gx. With beta = 0 it is |d|, and both gradients at d = 0 are
    -gz, as torch's.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, y: Tensor, reduction: int = 1, beta: float = 1.0
    ) -> Tensor:
        ctx.reduction, ctx.beta = int(reduction), number(beta)
        return _difference.forward(ctx, _forward, x, y, reduction, beta)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        return _difference.gradients(ctx, gz, _backward, ctx.reduction, ctx.beta)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _difference.samples(make)
        for reduction in (0, 1, 2):
            yield Sample(make(2, 3), make(2, 3), reduction, 0.4)
        yield Sample(make(2, 3), target=make(2, 3), beta=2.5)
        yield Sample(make.tensor([0.0, 2.0, 0.5]), make.tensor([0.0, 1.0, 0.0]))
        yield Sample(make(4), make(4), beta=0.0)
        tie = Sample(make.tensor([0.0, 1.0]), make.tensor([0.0, 3.0]), beta=0.0).at_kink()
        yield tie.waive("batched-cotangents", "torch.vmap of the kernel has gradients of 0 there")
        yield Sample(make(2), make(2), 1, -1.0).raises(RuntimeError, "negative values for beta")


_forward = torch.ops.aten.smooth_l1_loss.default
_backward = torch.ops.aten.smooth_l1_loss_backward.default
