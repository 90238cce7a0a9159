"""nn.functional.multi_margin_loss: how far other classes come within a margin of the target's."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops.loss import _margin
from plugrad.ops.loss._reduction import reduction_code


@op(
    "nn.functional.multi_margin_loss",
    overrides=(torch.nn.functional.multi_margin_loss,),
    waives=_margin.NO_SECOND,
)
class MultiMarginLoss(Composite):
    """y = sum of weight[t] max(0, margin - x[t] + x[c])^p over the classes c but t, by the classes.

    t is the row's target. Averaged over the rows, summed, or neither. torch has no gradient of
    weight.
    """

    @staticmethod
    def forward(
        x: Tensor,
        target: Tensor,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        code = reduction_code(size_average, reduce, reduction)
        if p not in (1, 2) or (weight is not None and weight.dim() != 1):
            torch.nn.functional.multi_margin_loss(  # says what is wrong
                x.data, target.data, p, margin, None if weight is None else weight.data
            )
        x, weight = in_float32(x, weight)
        return _kernel(x, target, p, margin, weight, code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        labels = make.integers(3, high=4)
        for p in (1, 2):
            for reduction in ("none", "mean", "sum"):
                yield Sample(make(3, 4), labels, p, 0.7, reduction=reduction)
                weighted = Sample(make(3, 4), labels, p, 1.5, make(4, low=0.5), reduction=reduction)
                yield weighted.constant("weight")
        yield Sample(make(3, 4), target=labels, weight=make(4))
        yield Sample(make(3, 4), labels, size_average=False)
        yield Sample(make(3, 4), labels, reduce=False)
        yield Sample(make(4), labels[0])
        yield Sample(make(3, 4), labels, 3).raises(ValueError, "only p == 1 and p == 2")
        wrong = Sample(make(3, 4), labels, weight=make(1, 4))
        yield wrong.raises(ValueError, "one-dimensional")


_kernel = torch.ops.aten.multi_margin_loss.default
