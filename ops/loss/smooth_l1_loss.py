"""nn.functional.smooth_l1_loss: the absolute difference, and a parabola where it is small."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops.loss._reduction import REDUCTIONS, reduction_code
from plugrad.ops.loss._sizes import warn_of_broadcasting


@op(
    "nn.functional.smooth_l1_loss",
    overrides=(torch.nn.functional.smooth_l1_loss,),
    aliases={"target": "y"},
)
class SmoothL1Loss(Composite):
    """z = d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, for d = x - y.

    Averaged, summed, or neither. With beta = 0 it is l1_loss.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> Tensor:
        code = reduction_code(size_average, reduce, reduction)
        warn_of_broadcasting(x, y)
        if beta == 0.0:
            return torch.nn.functional.l1_loss(x, y, reduction=REDUCTIONS[code])
        return _kernel(x, y, code, beta)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3), reduction=reduction, beta=0.4)
            yield Sample(make(2, 3), make(2, 3), reduction=reduction, beta=0.0)
        yield Sample(make(2, 3), target=make(2, 3), beta=2.5)
        yield Sample(make(2, 3), make(3))
        yield Sample(make(2), make(2), size_average=False)
        yield Sample(make(2), make(2), reduce=False)
        yield Sample(make(0, 3), make(0, 3), reduction="sum")
        yield Sample(make(2), make(2), beta=-1.0).raises(RuntimeError, "negative values for beta")


_kernel = torch.ops.aten.smooth_l1_loss.default
