"""nn.functional.mse_loss: the mean squared difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.loss._reduction import reduction_code


@op(
    "nn.functional.mse_loss",
    overrides=(torch.nn.functional.mse_loss,),
    aliases={"target": "y"},
    broadcasts=True,
)
class MseLoss(Function):
    """z = weight (x - y)^2, averaged with these weights, summed, or neither.

    gx = 2 gz weight (x - y), divided by the sum of weights for a mean; gy = -gx. A mean's
    gweight = gz ((x - y)^2 - z) / sum(weight), else it is gz (x - y)^2.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
    ) -> Tensor:
        code = ctx.code = reduction_code(size_average, reduce, reduction)
        if weight is None and x.shape == y.shape:
            z = _mse_loss(x, y, code)
        else:
            z = _any_mse_loss(x, y, size_average, reduce, reduction, weight)
        ctx.save_for_backward(x, y, weight, z if weight is not None and code == 1 else None)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, weight, z = ctx.saved_tensors
        needs = ctx.needs_input_grad
        if weight is not None:
            return _weighted(gz, x, y, weight, z, needs)
        if x.shape != y.shape:
            shape = torch.broadcast_shapes(x.shape, y.shape)  # type: ignore[no-untyped-call]
            x, y = x.expand(shape), y.expand(shape)
        gx = _mse_loss_backward(gz, x, y, ctx.code) if needs[0] else None
        if not needs[1]:
            return gx, None
        return gx, _mse_loss_backward(gz, y, x, ctx.code) if gx is None else -gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3), reduction=reduction)
            weight = make(2, 3, low=0.5)
            yield Sample(make(2, 3), make(2, 3), reduction=reduction, weight=weight)
            yield Sample(make(), make(), reduction=reduction)
            empty = Sample(make(0, 3), make(0, 3), reduction=reduction)
            if reduction == "mean":
                empty.waive("batched-cotangents", "in torch.vmap a mean of nothing divides by 0")
            yield empty
            yield Sample(make(2, 3), make(3), reduction=reduction)
        yield Sample(make(2, 3), make(2, 3)).constant(1)
        yield Sample(make(2, 3), make(2, 3)).constant(0)
        yield Sample(make(2, 3), target=make(2, 3))
        weight = make(2, 3, low=0.5)
        yield Sample(make(2, 3), make(2, 3), weight=weight).constant("weight")
        yield Sample(make(2, 3), make(2, 3), weight=weight).constant(0, 1)
        yield Sample(make.tensor([0.0, 2.0, 1.0]), make.tensor([-3.0, 0.0, 4.0]))
        weight = make.tensor([0.5, 1.0, 0.0])
        yield Sample(make(3), make(3), weight=weight, reduction="sum")
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(2), make(2), size_average=False)
        yield Sample(make(2), make(2), reduce=False)


_mse_loss = torch.ops.aten.mse_loss.default
# Broadcasts and takes a weight; its type stub knows of none.
_any_mse_loss: Any = torch.nn.functional.mse_loss
_mse_loss_backward = torch.ops.aten.mse_loss_backward.default


def _weighted(
    gz: Tensor,
    x: Tensor,
    y: Tensor,
    weight: Tensor,
    mean: Tensor | None,
    needs: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The gradients with a weight; the engine sums those that were broadcast."""
    scaled = gz if mean is None else gz / conj(weight.sum())
    d = x - y
    gx = scaled * conj(2 * d * weight) if needs[0] or needs[1] else None
    gy = -gx if gx is not None and needs[1] else None
    gweight = None
    if needs[5]:
        gweight = scaled * conj(d.square())
        if mean is not None:
            gweight = gweight.sum_to_size(weight.shape) - scaled * conj(mean)
    return gx, gy, None, None, None, gweight
