"""multilabel_margin_loss_backward: multilabel_margin_loss's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops._flat import flat_in
from plugrad.ops.loss import _margin


@op(
    "multilabel_margin_loss_backward",
    overrides=(
        torch.ops.aten.multilabel_margin_loss_backward.default,
        torch.ops.aten.multilabel_margin_loss_backward,
    ),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class MultilabelMarginLossBackward(Function):
    """z[c] = x by the classes for each target t of the row with y[t] < 1 + y[c]; z[t] = -x by them.

    The classes c are those that are not targets. Divided by the number of rows for a mean. gx is
    the sum of gz times z for x = 1; gy is 0. torch has no second derivative.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, y: Tensor, target: Tensor, reduction: int, is_target: Tensor
    ) -> Tensor:
        ctx.save_for_backward(y, target, is_target)
        ctx.reduction = int(reduction)
        _margin.check_cotangent("multilabel_margin_loss_backward", x, y, reduction)
        return _backward(x, y, target, reduction, is_target)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        y, target, is_target = ctx.saved_tensors
        reduction = ctx.reduction
        ones = _margin.ones(y, reduction)
        slopes = _backward(ones, y, target, reduction, is_target)
        return _margin.of_cotangent(gz * slopes, reduction), flat_in(1, ctx, gz), None, None, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        labels = make.tensor([[3, 0, -1, 1], [1, -1, 2, 3]], dtype=torch.int64)
        is_target = make.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]])
        for code, shape in ((0, (2,)), (1, ()), (2, ())):
            yield Sample(make(*shape), make(2, 4), labels, code, is_target).constant(4)
        yield Sample(make(), make(4), labels[0], 1, is_target[0]).constant(4)
        yield Sample(make(), make(0, 4), labels[:0], 2, is_target[:0]).constant(4)
        wrong = Sample(make(2), make(2, 4), labels, 1, is_target)
        yield wrong.raises(ArgumentError, "the loss has the shape")


_backward = torch.ops.aten.multilabel_margin_loss_backward.default
