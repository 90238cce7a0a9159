"""nll_loss_backward: nll_loss's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops.loss._labels import check_labels
from plugrad.ops.loss._reduction import REDUCTIONS


@op(
    "nll_loss_backward",
    overrides=(torch.ops.aten.nll_loss_backward.default, torch.ops.aten.nll_loss_backward),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class NllLossBackward(Function):
    """z = -weight[target] x / total_weight at the target, else 0;  gx = nll_loss(gz).

    Of y only the shape matters.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        target: Tensor,
        weight: Tensor | None,
        reduction: int,
        ignore_index: int,
        total_weight: Tensor,
    ) -> Tensor:
        check_labels("nll_loss_backward", target, y.shape[-1], target != ignore_index)
        ctx.save_for_backward(target, weight)
        ctx.reduction, ctx.ignore_index = REDUCTIONS[reduction], int(ignore_index)
        return _backward(x, y, target, weight, reduction, ignore_index, total_weight)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        target, weight = ctx.saved_tensors
        gx = torch.nn.functional.nll_loss(
            gz, target, weight, ignore_index=ctx.ignore_index, reduction=ctx.reduction
        )
        return gx, flat_in(1, ctx, gz), None, None, None, None, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        total = make.tensor(3.0)
        labels = make.integers(3, high=4)
        for code, shape in ((0, (3,)), (1, ()), (2, ())):
            yield _sample(make(*shape), make(3, 4), labels, None, code, -100, total)
        yield _sample(make(), make(4), make.integers(high=4), None, 2, -100, total)
        weight = make(4, low=0.5)
        labels = make.tensor([2, 1, 0], dtype=torch.int64)
        total = weight[labels][labels != 1].sum()
        yield _sample(make(), make(3, 4), labels, weight, 1, 1, total)


_backward = torch.ops.aten.nll_loss_backward.default


def _sample(*args: object) -> Sample:
    return Sample(*args).constant(3, 6)
