"""soft_margin_loss_backward: soft_margin_loss's gradient."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.loss import _difference, _soft_margin
from plugrad.ops.loss._reduction import share


@op(
    "soft_margin_loss_backward",
    overrides=(
        torch.ops.aten.soft_margin_loss_backward.default,
        torch.ops.aten.soft_margin_loss_backward,
    ),
    reference=_soft_margin.gradient,
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    waives={"primitive": "torch's kernel is infinite or nan where an exponential overflows"},
    equivalent=_difference.EQUIVALENT,
)
class SoftMarginLossBackward(Function):
    """z = -x target s, for s = sigmoid(-y target); divided by the size of y for a mean.

    gx = -gz target s, gy = gz x target^2 s (1 - s), gtarget = gz x s (y target (1 - s) - 1),
    divided likewise.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, target: Tensor, reduction: int) -> Tensor:
        _difference.save(ctx, x, y, target)
        ctx.reduction = int(reduction)
        return _soft_margin.gradient(x, y, target, reduction)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, target = ctx.saved_tensors
        need_gx, need_gy, need_gtarget, _ = ctx.needs_input_grad
        gx = _soft_margin.gradient(gz, y, target, ctx.reduction) if need_gx else None
        gy = gtarget = None
        if x is not None:
            gz = share(gz * conj(x), ctx.reduction, y.numel())
            s, rest = torch.sigmoid(-y * target), torch.sigmoid(y * target)
        if need_gy:
            t = _soft_margin.finite(target)
            gy = gz * (t * s) * (t * rest)
        if need_gtarget:
            gtarget = gz * (_soft_margin.finite(y * target) * (s * rest) - s)
        return gx, gy, gtarget

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _difference.backward_samples(make, vmap=True)
        yield Sample(
            make.tensor([0.0, 1.0, 2.0]),
            make.tensor([1.0, 0.0, 3.0]),
            make.tensor([2.0, 1.0, 0.0]),
            0,
        )
        yield Sample(make(2), make.tensor([800.0, -800.0]), make.tensor([-1.0, -1.0]), 2)
