"""nn.functional.cosine_embedding_loss: vectors that should point the same way, or should not."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops.loss._reduction import reduced, reduction_code


@op(
    "nn.functional.cosine_embedding_loss",
    overrides=(torch.nn.functional.cosine_embedding_loss,),
    aliases={"input1": "x", "input2": "y"},
)
class CosineEmbeddingLoss(Composite):
    """z = 1 - c where the target is 1, max(0, c - margin) where it is -1; averaged or summed.

    c is the cosine of the angle between the vectors in x and y, whose squared lengths are
    raised by 1e-12.
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
        if target.dim() > 1 or not x.dim() == y.dim() == target.dim() + 1:  # torch says why not
            torch.nn.functional.cosine_embedding_loss(x.data, y.data, target.data)
        x, y = in_float32(x, y)
        lengths = ((x * x).sum(-1) + _EPSILON) * ((y * y).sum(-1) + _EPSILON)
        cosine = (x * y).sum(-1) / lengths.sqrt()
        terms = torch.where(target == 1, 1 - cosine, 0)
        terms = terms + torch.where(target == -1, (cosine - (margin + 0.0)).clamp_min(0), 0)
        return reduced(terms, code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        signs = make.tensor([1, -1, -1, 0], dtype=torch.int64)
        for reduction in ("none", "mean", "sum"):
            yield Sample(make(4, 3), make(4, 3), signs, reduction=reduction)
        yield Sample(make(4, 3), make(4, 3), signs, -0.9)
        yield Sample(input1=make(3), input2=make(3), target=make.tensor(1.0)).constant("target")
        yield Sample(make(4, 3), make(1, 3), signs)
        yield Sample(make(4, 3), make(4, 3), signs, size_average=False)
        yield Sample(make(4, 3), make(4, 3), signs, reduce=False)
        yield Sample(make(0, 3), make(0, 3), signs[:0], reduction="sum")
        wrong = Sample(make(4, 3), make(4, 3), signs[0])
        yield wrong.raises(RuntimeError, "0D target tensor expects 1D input tensors")
        wrong = Sample(make(4, 3), make(4, 3), signs[:, None])
        yield wrong.raises(RuntimeError, "multi-target not supported")


_EPSILON = 1e-12
