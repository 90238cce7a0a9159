"""soft_margin_loss_forward: the logistic loss of two classes, which are called 1 and -1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.loss import _difference, _soft_margin
from plugrad.ops.loss._reduction import reduced


@op(
    "soft_margin_loss_forward",
    overrides=(torch.ops.aten.soft_margin_loss.default, torch.ops.aten.soft_margin_loss),
    reference=_soft_margin.loss,
    aliases={"target": "y"},
    broadcasts=True,
    waives={"primitive": "torch's kernel is infinite or nan where an exponential overflows"},
)
class SoftMarginLossForward(Function):
    """z = log(1 + exp(-x y)), averaged (reduction 1), summed (2) or neither (0).

    gx = -gz y sigmoid(-x y), gy = -gz x sigmoid(-x y), divided by their size for a mean. torch
    has no gradient of y, the target.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, reduction: int = 1) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.reduction = int(reduction)
        return reduced(-torch.nn.functional.logsigmoid(x * y), reduction).to(x.dtype)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        return _difference.gradients(ctx, gz, _soft_margin.gradient, ctx.reduction)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _difference.samples(make, vmap=True)
        yield Sample(make(2, 3), target=make.booleans(2, 3) * 2.0 - 1)
        yield Sample(make.tensor([0.0, 2.0, 1.0]), make.tensor([1.0, -1.0, 0.0]))
        yield Sample(make.tensor([800.0, -800.0]), make.tensor([-1.0, -1.0]))
