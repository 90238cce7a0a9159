"""multi_margin_loss_forward: how far other classes come within a margin of the target's."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.loss import _margin
from plugrad.ops.loss._reduction import reduced


@op(
    "multi_margin_loss_forward",
    overrides=(torch.ops.aten.multi_margin_loss.default, torch.ops.aten.multi_margin_loss),
    waives=_margin.NO_SECOND,
)
class MultiMarginLossForward(Function):
    """y = sum of weight[t] max(0, margin - x[t] + x[c])^p over the classes c but t, by the classes.

    t is the row's target. Averaged over the rows (reduction 1), summed (2) or neither (0). gx
    is multi_margin_loss_backward; gweight[t] the sum of gy times the unweighted losses of the
    rows with this target. torch has no gradient of weight.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        target: Tensor,
        p: float = 1,
        margin: float = 1,
        weight: Tensor | None = None,
        reduction: int = 1,
    ) -> Tensor:
        ctx.save_for_backward(x, target, weight)
        ctx.p, ctx.margin, ctx.reduction = number(p), number(margin), int(reduction)
        y = _forward(x, target, p, margin, weight, reduction)
        # Without rows torch's kernel leaves the memory as it was.
        return y if x.numel() else reduced(y.new_zeros(x.shape[:-1]), reduction)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        x, target, weight = ctx.saved_tensors
        p, margin, reduction = ctx.p, ctx.margin, ctx.reduction
        need_gx, _, _, _, need_gweight, _ = ctx.needs_input_grad
        gx = gweight = None
        if need_gx:
            gx = _backward(gy, x, target, p, margin, weight, reduction)
        if need_gweight:
            terms = _forward(x, target, p, margin, None, 0)
            gweight = _margin.per_target(gy * terms, target, weight, reduction)
        return gx, None, None, None, gweight

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for p in (1, 2):
            for code in (0, 1, 2):
                labels = make.integers(3, high=4)
                yield Sample(make(3, 4), labels, p, 0.7, None, code)
                yield Sample(make(3, 4), labels, p, 1.5, make(4, low=0.5), code)
            yield Sample(make(4), make.integers(high=4), p, 1, make(4))
        yield Sample(make(3, 4), target=make.integers(3, high=4))
        yield Sample(make(3, 4), make.integers(3, high=4), weight=make(4)).constant("weight")
        yield Sample(make(3, 4), make.integers(3, high=4), weight=make(4)).constant(0)
        yield Sample(make(0, 4), make.integers(0, high=4), reduction=0)
        edges = make.tensor([[0.0, 2.0, -1.5]]), make.tensor([0], dtype=torch.int64)
        yield Sample(*edges, weight=make.tensor([0.0, 1.0, 2.0]))
        yield Sample(make.tensor([[0.0, 1.0]]), make.tensor([1], dtype=torch.int64)).at_kink()
        yield Sample(make(3, 4), make.integers(3), 3).raises(RuntimeError, "only p == 1 and p == 2")


_forward = torch.ops.aten.multi_margin_loss.default
_backward = torch.ops.aten.multi_margin_loss_backward.default
