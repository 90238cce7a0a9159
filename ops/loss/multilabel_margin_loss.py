"""nn.functional.multilabel_margin_loss: how far other classes come within 1 of a row's targets."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops.loss import _margin
from plugrad.ops.loss._reduction import reduction_code


@op(
    "nn.functional.multilabel_margin_loss",
    overrides=(torch.nn.functional.multilabel_margin_loss,),
    waives=_margin.NO_SECOND,
)
class MultilabelMarginLoss(Composite):
    """y = sum of max(0, 1 - x[t] + x[c]) over a row's targets t and others c, by the classes.

    The targets of a row end at the first that is negative. Averaged over the rows, summed, or
    neither.
    """

    @staticmethod
    def forward(
        x: Tensor,
        target: Tensor,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        (x,) = in_float32(x)
        y, _ = _kernel(x, target, reduction_code(size_average, reduce, reduction))
        return y

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        labels = make.tensor([[3, 0, -1, 1], [1, -1, 2, 3]], dtype=torch.int64)
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 4), labels, reduction=reduction)
        yield Sample(make(2, 4), target=labels)
        yield Sample(make(2, 4), labels, size_average=False)
        yield Sample(make(2, 4), labels, reduce=False)
        yield Sample(make(4), labels[0])
        yield Sample(make(0, 4), labels[:0], reduction="none")
        yield Sample(make(2, 4), labels[0]).raises(RuntimeError, "inconsistent target size")


_kernel = torch.ops.aten.multilabel_margin_loss_forward.default
