"""nll_loss2d_forward: nll_loss of each pixel of images, as torch's kernel has it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import NotDifferentiableError
from plugrad.ops.loss import _nll


@op(
    "nll_loss2d_forward",
    overrides=(torch.ops.aten.nll_loss2d_forward.default, torch.ops.aten.nll_loss2d_forward),
)
class NllLoss2dForward(Function):
    """y = -weight[target] x[target], averaged with these weights (reduction 1), summed, or neither.

    The classes are dimension 1 of 4. gx = -weight[target] gy at the target, divided by the sum of
    weights for a mean; else 0. The second output is that sum, which has no gradient. A target of
    ignore_index counts for nothing.
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
        # torch has no gradient for four dimensions in another order than contiguous.
        for shape in ((1, 4, 1, 1), (2, 4, 1, 1)):
            for code in (0, 1, 2):
                labels = make.integers(shape[0], *shape[2:], high=4)
                yield Sample(make(*shape), labels, None, code, -100)
                yield Sample(make(*shape), labels, make(4, low=0.5), code, 1).constant(2)
        labels = make.tensor([-100, 2, 1], dtype=torch.int64).view(3, 1, 1)
        yield Sample(make(3, 3, 1, 1), labels, None, 1, -100)
        yield Sample(make(0, 3, 1, 1), make.integers(0, 1, 1, high=3), None, 2, -100)
        labels = make.integers(2, 1, 1, high=3)
        weighted = Sample(make(2, 3, 1, 1), labels, make(3), 1, -100)
        yield weighted.raises(NotDifferentiableError, "weight of nll_loss requires grad")


_forward = torch.ops.aten.nll_loss2d_forward.default
_backward = torch.ops.aten.nll_loss2d_backward.default
