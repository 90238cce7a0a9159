"""nn.functional.hinge_embedding_loss: distances that should be small, or should not."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops._number import constant, number
from plugrad.ops.loss._raised import fixed
from plugrad.ops.loss._reduction import reduced, reduction_code


@op(
    "nn.functional.hinge_embedding_loss",
    overrides=(torch.nn.functional.hinge_embedding_loss,),
)
class HingeEmbeddingLoss(Composite):
    """y = x where the target is 1, max(0, margin - x) where it is -1; averaged or summed.

    Where the target is another number, y is the sum of both.
    """

    @staticmethod
    def forward(
        x: Tensor,
        target: Tensor,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        code = reduction_code(size_average, reduce, reduction)
        (x,) = in_float32(x)
        margin = number(constant(margin, "nn.functional.hinge_embedding_loss", "margin"))
        room = fixed(x).new_full((), margin) - x  # of integers torch takes a whole margin
        terms = torch.where(target != 1, room.clamp_min(0), 0)
        return reduced(terms + torch.where(target != -1, x, 0), code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        signs = make.tensor([[1, -1, 0], [-1, 1, -1]], dtype=torch.int64)
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(2, 3), signs, reduction=reduction)
            yield Sample(make(2, 3), signs, 2.5, reduction=reduction)
        yield Sample(make(2, 3), target=make.tensor([1.0, -1.0, -1.0])).constant("target")
        yield Sample(make(3), signs, 0.3)
        yield Sample(make(2, 3), signs, size_average=False)
        yield Sample(make(2, 3), signs, reduce=False)
        yield Sample(make(), signs[0, 1])
        yield Sample(make(0, 3), signs[:0], reduction="sum")
        yield Sample(make.tensor([1.0, 2.0, 0.0]), signs[1]).at_kink()
