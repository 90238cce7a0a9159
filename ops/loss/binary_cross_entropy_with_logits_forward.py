"""binary_cross_entropy_with_logits_forward: binary_cross_entropy of sigmoid(x), without limits."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.loss._reduction import share


@op(
    "binary_cross_entropy_with_logits_forward",
    overrides=(
        torch.ops.aten.binary_cross_entropy_with_logits.default,
        torch.ops.aten.binary_cross_entropy_with_logits,
    ),
    aliases={"target": "y"},
    broadcasts=True,
)
class BinaryCrossEntropyWithLogitsForward(Function):
    """z = weight ((1 - y) x - a log(s)), for s = sigmoid(x) and a = 1 + (pos_weight - 1) y.

    Averaged (reduction 1), summed (2) or neither (0); divided by the number of terms for a mean:
    gx = gz weight (a s - pos_weight y), gy = -gz weight (x + (pos_weight - 1) log(s)), gweight = gz
    times the term it weights, gpos_weight = -gz weight y log(s). torch has no gradient of the
    weights.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        weight: Tensor | None = None,
        pos_weight: Tensor | None = None,
        reduction: int = 1,
    ) -> Tensor:
        ctx.save_for_backward(x, y, weight, pos_weight)
        ctx.reduction = int(reduction)
        return _forward(x, y, weight, pos_weight, reduction)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, weight, pos_weight = ctx.saved_tensors
        need_gx, need_gy, need_gweight, need_gpos_weight, _ = ctx.needs_input_grad
        gz = share(gz, ctx.reduction, _count(x, y, weight, pos_weight))
        gx = gy = gweight = gpos_weight = None
        scaled = gz if weight is None else gz * conj(weight)
        if need_gx:
            gx = scaled * conj(_slope(x, y, pos_weight))
        if pos_weight is None:
            gy = -scaled * x if need_gy else None
        elif need_gy or need_gpos_weight:
            log = _log_sigmoid(x)
            gy = -scaled * conj(x + (pos_weight - 1) * log) if need_gy else None
            gpos_weight = -scaled * conj(y * log) if need_gpos_weight else None
        if need_gweight:
            gweight = gz * conj(_forward(x, y, None, pos_weight, 0))
        return gx, gy, gweight, gpos_weight

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for code in (0, 1, 2):
            yield Sample(make(2, 3), make(2, 3), None, None, code)
            yield Sample(make(2, 3), make(2, 3), make(2, 1), make(3), code)
            yield Sample(make(0, 3), make(0, 3), None, None, code)
        yield Sample(make(2, 3), make(2, 3), make(2, 3))
        yield Sample(make(2, 3), make(2, 3), None, make(3))
        yield Sample(make(2, 3), make(2, 3), make(2, 1), make(3), 2).constant(2, 3)
        for only in range(4):
            others = [i for i in range(4) if i != only]
            yield Sample(make(2, 3), make(2, 3), make(3), make(3)).constant(*others)
        yield Sample(make(2, 3), target=make(2, 3), pos_weight=make(3))
        yield Sample(make(3), make(2, 3), None, None, 0)
        yield Sample(make(), make())
        zeros = [
            [0.0, 1.0, 2.0, 3.0],
            [1.0, 0.0, 2.0, 3.0],
            [1.0, 2.0, 0.0, 3.0],
            [3.0, 2.0, 1, 0.0],
        ]
        yield Sample(*[make.tensor(numbers) for numbers in zeros])
        yield Sample(make.tensor([800.0, -800.0]), make(2), None, make(2))


_forward = torch.ops.aten.binary_cross_entropy_with_logits.default


def _slope(x: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
    if pos_weight is None:
        return x.sigmoid() - y
    positive = pos_weight * y
    return (positive + 1 - y) * x.sigmoid() - positive


def _log_sigmoid(x: Tensor) -> Tensor:
    return -torch.logaddexp(-x, x.new_zeros(()))


def _count(*operands: Tensor | None) -> int:
    """How many terms the loss has."""
    shapes = [t.shape for t in operands if t is not None]
    return torch.broadcast_shapes(*shapes).numel()  # type: ignore[no-untyped-call]
