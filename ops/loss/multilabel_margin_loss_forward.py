"""multilabel_margin_loss_forward: how far other classes come within 1 of a row's targets."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.loss import _margin
from plugrad.ops.loss._reduction import reduced


@op(
    "multilabel_margin_loss_forward",
    overrides=(
        torch.ops.aten.multilabel_margin_loss_forward.default,
        torch.ops.aten.multilabel_margin_loss_forward,
    ),
    waives=_margin.NO_SECOND,
)
class MultilabelMarginLossForward(Function):
    """y = sum of max(0, 1 - x[t] + x[c]) over a row's targets t and others c, by the classes.

    The targets of a row end at the first that is negative. Averaged over the rows (reduction 1),
    summed (2) or neither (0). gx is multilabel_margin_loss_backward. The second output, 1 at the
    targets, has no gradient.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, target: Tensor, reduction: int) -> tuple[Tensor, Tensor]:
        y, is_target = _forward(x, target, reduction)
        # Without rows torch's kernel leaves the memory as it was.
        y = y if x.numel() else reduced(y.new_zeros(x.shape[:-1]), reduction)
        ctx.save_for_backward(x, target, is_target)
        ctx.mark_non_differentiable(is_target)
        ctx.reduction = int(reduction)
        return y, is_target

    @staticmethod
    def backward(ctx: Context, gy: Tensor, _: Tensor) -> Tensor:
        x, target, is_target = ctx.saved_tensors
        return _backward(gy, x, target, ctx.reduction, is_target)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        labels = make.tensor([[3, 0, -1, 1], [1, -1, 2, 3]], dtype=torch.int64)
        for code in (0, 1, 2):
            yield Sample(make(2, 4), labels, code)
        yield Sample(make(4), labels[0], 1)
        yield Sample(make(2, 4), torch.full_like(labels, -1), 1)
        yield Sample(make(0, 4), make.integers(0, 4), 0)
        yield Sample(make.tensor([[0.0, 2.0, -1.5, 0.3], [0.1, 0.2, 0.3, 0.0]]), labels, 2)
        ties = Sample(make.tensor([0.0, 1.0]), make.tensor([1, -1], dtype=torch.int64), 2)
        yield ties.at_kink()
        yield Sample(make(2, 4), labels[0], 1).raises(RuntimeError, "inconsistent target size")


_forward = torch.ops.aten.multilabel_margin_loss_forward.default
_backward = torch.ops.aten.multilabel_margin_loss_backward.default
