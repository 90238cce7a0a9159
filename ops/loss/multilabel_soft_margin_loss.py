"""nn.functional.multilabel_soft_margin_loss: the logistic loss of each class, averaged."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops.loss._reduction import REDUCTIONS, reduced, reduction_code


@op(
    "nn.functional.multilabel_soft_margin_loss",
    overrides=(torch.nn.functional.multilabel_soft_margin_loss,),
    aliases={"target": "y"},
)
class MultilabelSoftMarginLoss(Composite):
    """z = -weight (y log(s) + (1 - y) log(1 - s)) for s = sigmoid(x), averaged over the classes.

    Classes are the last dimension. The means of the rows are averaged, summed, or neither.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        older = size_average is not None or reduce is not None
        if not older and reduction not in REDUCTIONS:  # torch says what is wrong
            torch.nn.functional.multilabel_soft_margin_loss(x.data, y.data, reduction=reduction)
        logsigmoid = torch.nn.functional.logsigmoid
        terms = -(y * logsigmoid(x) + (1 - y) * logsigmoid(-x))
        if weight is not None:
            terms = terms * weight
        terms = terms.sum(x.dim() - 1) / x.size(x.dim() - 1)
        return reduced(terms, reduction_code(size_average, reduce, reduction))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3), reduction=reduction)
        yield Sample(make(2, 3), make(2, 3), make(3))
        yield Sample(make(2, 4, 3), target=make.booleans(2, 4, 3) * 1.0, weight=make(4, 1))
        yield Sample(make(2, 3), make.integers(2, 3, high=2))
        yield Sample(make(2, 3), make(3))
        yield Sample(make(2, 3), make(2, 3), size_average=False)
        yield Sample(make(2, 3), make(2, 3), reduce=False)
        yield Sample(make(3), make(3))
        yield Sample(make(0, 3), make(0, 3), reduction="sum")
        yield Sample(make(2, 3), make(2, 3), reduction="all").raises(ValueError, "is not valid")
