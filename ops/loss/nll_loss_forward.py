"""nll_loss_forward: the negative log-likelihood of target classes, as torch's kernel has it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import NotDifferentiableError
from plugrad.ops.loss import _nll


@op(
    "nll_loss_forward",
    overrides=(torch.ops.aten.nll_loss_forward.default, torch.ops.aten.nll_loss_forward),
)
class NllLossForward(Function):
    """y = -weight[target] x[target], averaged with these weights (reduction 1), summed, or neither.

    gx = -weight[target] gy at the target, divided by the sum of weights for a mean; else 0. The
    second output is that sum, which has no gradient. A target of ignore_index counts for nothing.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        target: Tensor,
        weight: Tensor | None,
        reduction: int,
        ignore_index: int,
    ) -> tuple[Tensor, Tensor]:
        return _nll.forward(ctx, _forward, x, target, weight, reduction, ignore_index)

    @staticmethod
    def backward(ctx: Context, gy: Tensor, _: Tensor) -> Tensor:
        return _nll.backward(ctx, _backward, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((4,), (3, 4)):
            for code in (0, 1, 2):
                labels = make.integers(*shape[:-1], high=4)
                yield Sample(make(*shape), labels, None, code, -100)
                yield Sample(make(*shape), labels, make(4, low=0.5), code, 1).constant(2)
        yield Sample(make(2, 3), make.tensor([-100, 2], dtype=torch.int64), None, 1, -100)
        yield Sample(make(2, 3), make.tensor([1, 1], dtype=torch.int64), None, 1, 1)
        yield Sample(make(0, 3), make.integers(0, high=3), None, 1, -100)
        weighted = Sample(make(2, 3), make.integers(2, high=3), make(3), 1, -100)
        yield weighted.raises(NotDifferentiableError, "weight of nll_loss requires grad")


_forward = torch.ops.aten.nll_loss_forward.default
_backward = torch.ops.aten.nll_loss_backward.default
