"""nll_loss2d_backward: the gradient of nll_loss of images, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops.loss._labels import check_labels
from plugrad.ops.loss._reduction import REDUCTIONS


@op(
    "nll_loss2d_backward",
    overrides=(torch.ops.aten.nll_loss2d_backward.default, torch.ops.aten.nll_loss2d_backward),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class NllLoss2dBackward(Function):
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
        check_labels("nll_loss2d_backward", target, y.shape[1], target != ignore_index)
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
        # torch demands a contiguous y, and these are so in any order of dimensions.
        labels = make.integers(1, 1, 1, high=3)
        total = make.tensor(1.0)  # of all labels: there is one
        for code, shape in ((0, (1, 1, 1)), (1, ()), (2, ())):
            yield _sample(make(*shape), make(1, 3, 1, 1), labels, None, code, -100, total)
        ignored = int(labels)
        yield _sample(make(1, 1, 1), make(1, 3, 1, 1), labels, None, 0, ignored, total)
        weight = make(3, low=0.5)
        total = weight[labels].sum()
        yield _sample(make(), make(1, 3, 1, 1), labels, weight, 1, -100, total)


_backward = torch.ops.aten.nll_loss2d_backward.default


def _sample(*args: object) -> Sample:
    return Sample(*args).constant(3, 6)
