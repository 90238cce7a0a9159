"""mse_loss_backward: mse_loss's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.loss._reduction import REDUCTIONS


@op(
    "mse_loss_backward",
    overrides=(torch.ops.aten.mse_loss_backward.default, torch.ops.aten.mse_loss_backward),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    equivalent={
        "unbroadcast-dropped[y]": "torch's kernel is for y and target of one shape",
        "unbroadcast-dropped[target]": "torch's kernel is for y and target of one shape",
    },
)
class MseLossBackward(Function):
    """z = 2 x (y - target), divided by their size for a mean.

    gx = 2 gz (y - target), gy = 2 gz x, gtarget = -gy, divided likewise.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, target: Tensor, reduction: int) -> Tensor:
        need_gx, need_gy, need_gtarget, _ = ctx.needs_input_grad
        ctx.save_for_backward(
            x if need_gy or need_gtarget else None,
            y if need_gx else None,
            target if need_gx else None,
        )
        mean = REDUCTIONS[reduction] == "mean" and y.numel() > 0
        ctx.factor = 2.0 / y.numel() if mean else 2.0
        return _mse_loss_backward(x, y, target, reduction)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, target = ctx.saved_tensors
        need_gtarget = ctx.needs_input_grad[2]
        gx = None if y is None else (_number(y, gz) - _number(target, gz)) * gz * ctx.factor
        gy = None if x is None else gz * x * ctx.factor
        return gx, gy, -gy if gy is not None and need_gtarget else None, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3), make(2, 3), make(2, 3), 0)
        yield Sample(make(), make(2, 3), make(2, 3), 1)
        yield Sample(make(), make(2, 3), make(2, 3), 2)
        yield Sample(make(), make(2, 3), make(2, 3), 1).constant(1, 2)
        yield Sample(make(), make(2, 3), make(2, 3), 1).constant(0)
        yield Sample(make(), make(0, 3), make(0, 3), 1)
        yield Sample(
            make.tensor([0.0, 2.0, 1.0]),
            make.tensor([3.0, 0.0, 1.0]),
            make.tensor([1.0, 2.0, 0.0]),
            0,
        )


_mse_loss_backward = torch.ops.aten.mse_loss_backward.default


def _number(x: Tensor, like: Tensor) -> Tensor:
    """``x``; of truth values, which torch does not subtract, numbers of the dtype of ``like``."""
    return x.to(like.dtype) if x.dtype is torch.bool else x
