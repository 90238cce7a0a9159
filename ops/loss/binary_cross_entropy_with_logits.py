"""nn.functional.binary_cross_entropy_with_logits: binary_cross_entropy of sigmoid(x)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops.loss._reduction import reduction_code


@op(
    "nn.functional.binary_cross_entropy_with_logits",
    overrides=(torch.nn.functional.binary_cross_entropy_with_logits,),
    aliases={"target": "y"},
)
class BinaryCrossEntropyWithLogits(Composite):
    """z = weight ((1 - y) x - a log(s)), for s = sigmoid(x) and a = 1 + (pos_weight - 1) y.

    Averaged, summed, or neither. x and y are of one shape; the weights may broadcast to it.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> Tensor:
        code = reduction_code(size_average, reduce, reduction)
        if x.shape != y.shape:  # torch says what is wrong
            torch.nn.functional.binary_cross_entropy_with_logits(x.data, y.data)
        return _kernel(x, y, weight, pos_weight, code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3), reduction=reduction)
            weights = make(3, low=0.5), make(2, 1, low=0.5)
            weighted = Sample(
                make(2, 3), make(2, 3), weights[0], reduction=reduction, pos_weight=weights[1]
            )
            yield weighted.constant("weight", "pos_weight")
        yield Sample(make(2, 3), make(2, 3), weight=make(2, 3)).constant("weight", 1)
        yield Sample(make(3), target=make(3))
        yield Sample(make(2), make(2), size_average=False)
        yield Sample(make(2), make(2), reduce=False)
        yield Sample(make(0, 3), make(0, 3), reduction="sum")
        yield Sample(make(2), make(3)).raises(ValueError, "must be the same as input size")


_kernel = torch.ops.aten.binary_cross_entropy_with_logits.default
