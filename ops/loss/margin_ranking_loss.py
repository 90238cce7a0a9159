"""nn.functional.margin_ranking_loss: which of two numbers should be the larger."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops._number import constant, number
from plugrad.ops.loss._reduction import reduced, reduction_code


@op(
    "nn.functional.margin_ranking_loss",
    overrides=(torch.nn.functional.margin_ranking_loss,),
    aliases={"input1": "x", "input2": "y"},
)
class MarginRankingLoss(Composite):
    """z = max(0, margin - target (x - y)), averaged, summed, or neither.

    A target of 1 says that x should be the larger, -1 that y should be.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        target: Tensor,
        margin: float = 0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        code = reduction_code(size_average, reduce, reduction)
        if not x.dim() == y.dim() == target.dim():  # torch says what is wrong
            torch.nn.functional.margin_ranking_loss(x.data, y.data, target.data)
        margin = float(number(constant(margin, "nn.functional.margin_ranking_loss", "margin")))
        x, y, target = in_float32(x, y, target)
        return reduced((-target * (x - y) + margin).clamp_min(0), code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        signs = make.tensor([[1, -1, -1], [-1, 1, 1]], dtype=torch.int64)
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3), signs, reduction=reduction)
            yield Sample(make(2, 3), make(2, 3), signs, 2.5, reduction=reduction)
        broadcast = Sample(input1=make(2, 3), input2=make(1, 3), target=make(2, 1), margin=1.0)
        yield broadcast.waive("no-nan", "of an infinite x - y torch's gradient of target is nan")
        yield Sample(make(2, 3), make(2, 3), signs, size_average=False)
        yield Sample(make(2, 3), make(2, 3), signs, reduce=False)
        yield Sample(make(), make(), make.tensor(1.0)).constant("target")
        yield Sample(make(0, 3), make(0, 3), signs[:0], reduction="sum")
        equal = make.tensor([0.0, 1.0])
        yield Sample(equal, equal.clone(), make.tensor([1.0, -1.0])).constant("target").at_kink()
        wrong = Sample(make(2, 3), make(3), signs)
        yield wrong.raises(RuntimeError, "should have same dimension")
