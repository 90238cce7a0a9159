"""multi_margin_loss_backward: multi_margin_loss's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops._number import number
from plugrad.ops.loss import _margin
from plugrad.ops.loss._reduction import share


@op(
    "multi_margin_loss_backward",
    overrides=(
        torch.ops.aten.multi_margin_loss_backward.default,
        torch.ops.aten.multi_margin_loss_backward,
    ),
    aliases={"grad_output": "x", "self": "y"},
)
class MultiMarginLossBackward(Function):
    """z[c] = x weight[t] p max(0, margin - y[t] + y[c])^(p - 1) by the classes, z[t] = -their sum.

    Divided by the number of rows for a mean. gx is the sum of gz times z for x = 1. With p = 1 gy
    is 0; with p = 2, where a class is within the margin, gy[c] = 2 x weight[t] (gz[c] - gz[t])
    by the classes, and gy[t] = -their sum. torch has no second derivative.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        target: Tensor,
        p: float,
        margin: float,
        weight: Tensor | None = None,
        reduction: int = 1,
    ) -> Tensor:
        _, need_gy, _, _, _, need_gweight, _ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy or need_gweight else None, y, target, weight)
        ctx.p, ctx.margin, ctx.reduction = number(p), number(margin), int(reduction)
        _margin.check_cotangent("multi_margin_loss_backward", x, y, reduction)
        return _backward(x, y, target, p, margin, weight, reduction)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, target, weight = ctx.saved_tensors
        p, margin, reduction = ctx.p, ctx.margin, ctx.reduction
        need_gx, need_gy, _, _, _, need_gweight, _ = ctx.needs_input_grad
        gx = gy = gweight = None
        if need_gx:
            ones = _margin.ones(y, reduction)
            slopes = _backward(ones, y, target, p, margin, weight, reduction)
            gx = _margin.of_cotangent(gz * slopes, reduction)
        if need_gy and p == 2:
            scale = x if weight is None else x * weight[target]
            gy = _curved(gz, y, target, margin, scale)
            gy = share(gy, reduction, target.numel())
        if need_gweight:
            terms = gz * _backward(x, y, target, p, margin, None, reduction)
            gweight = _margin.per_target(terms.sum(-1), target, weight, 0)
        return gx, gy, None, None, None, gweight

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for p in (1, 2):
            for code, shape in ((0, (3,)), (1, ()), (2, ())):
                labels = make.integers(3, high=4)
                yield Sample(make(*shape), make(3, 4), labels, p, 0.7, None, code)
                yield Sample(make(*shape), make(3, 4), labels, p, 1.5, make(4), code)
            yield Sample(make(), make(4), make.integers(high=4), p, 1, make(4))
        for constants in ((1, 5), (0, 5), (0, 1)):
            yield Sample(make(), make(3, 4), labels, p, 1.5, make(4)).constant(*constants)
        yield Sample(make(), make(0, 4), make.integers(0, high=4), 2, 1, None, 2)
        rows = (
            make.tensor([[0.0, 0.0, 0.5], [0.3, 0.1, 0.3]]),
            make.tensor([0, 1], dtype=torch.int64),
        )
        yield Sample(make.tensor([0.0, 2.0]), *rows, 2, 1, make.tensor([0.0, 1.0, 2.0]), 0)
        yield Sample(make(), *rows, 2, 1, make.tensor([3.0, 0.0, 2.0]))
        wrong = Sample(make(2), make(3, 4), make.integers(3, high=4), 1, 1)
        yield wrong.raises(ArgumentError, "the loss has the shape")


_backward = torch.ops.aten.multi_margin_loss_backward.default


def _curved(gz: Tensor, y: Tensor, target: Tensor, margin: float, scale: Tensor) -> Tensor:
    """The gradient of y, of squares."""
    at = target.view(*y.shape[:-1], 1)
    within = margin - y.gather(-1, at) + y > 0
    apart = gz - gz.gather(-1, at)  # 0 at the target itself
    scale = scale.view(*scale.shape[: y.dim() - 1], 1) * (2.0 / y.shape[-1])
    gy = torch.where(within, apart * scale, 0.0)
    return gy.scatter_add(-1, at, -gy.sum(-1, True))
