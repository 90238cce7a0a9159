"""nn.functional.soft_margin_loss: the logistic loss of two classes, which are called 1 and -1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops.loss import _soft_margin
from plugrad.ops.loss._reduction import reduction_code


@op(
    "nn.functional.soft_margin_loss",
    overrides=(torch.nn.functional.soft_margin_loss,),
    reference=_soft_margin.reference,
    aliases={"target": "y"},
    waives={"dtypes": "torch's kernel takes complex numbers, whose gradient it does not have"},
)
class SoftMarginLoss(Composite):
    """z = log(1 + exp(-x y)), averaged, summed, or neither. torch has no gradient of y."""

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        if torch.broadcast_shapes(x.shape, y.shape) != x.shape:  # type: ignore[no-untyped-call]
            torch.nn.functional.soft_margin_loss(x.data, y.data)  # says what is wrong
        x, y = in_float32(x, y)
        return _kernel(x, y, reduction_code(size_average, reduce, reduction))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), make(2, 3), reduction=reduction)
        yield Sample(make(2, 3), target=make.booleans(2, 3) * 2.0 - 1)
        yield Sample(make(2, 3), make(3))
        yield Sample(make(2), make(2), size_average=False)
        yield Sample(make(2), make(2), reduce=False)
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3), reduction="sum")
        yield Sample(make(3), make(3, 1)).raises(RuntimeError, "broadcast shape")
        yield Sample(make(2), make(2), reduction="all").raises(ValueError, "not a valid value")


_kernel = torch.ops.aten.soft_margin_loss.default
