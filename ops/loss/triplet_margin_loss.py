"""nn.functional.triplet_margin_loss: an anchor nearer to one vector than to another."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops._number import constant
from plugrad.ops.loss import _triplet
from plugrad.ops.loss._reduction import reduction_code


@op(
    "nn.functional.triplet_margin_loss",
    overrides=(torch.nn.functional.triplet_margin_loss,),
    waives={"no-nan": "where a distance is infinite, torch's gradient of the anchor is nan too"},
)
class TripletMarginLoss(Composite):
    """y = max(0, margin + d(anchor, positive) - d(anchor, negative)), averaged or summed.

    d is pairwise_distance, with p and eps. With swap the smaller of d(anchor, negative) and
    d(positive, negative) is taken for the former.
    """

    @staticmethod
    def forward(
        anchor: Tensor,
        positive: Tensor,
        negative: Tensor,
        margin: float = 1.0,
        p: float = 2,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        code = reduction_code(size_average, reduce, reduction)
        if margin <= 0 or not anchor.dim() == positive.dim() == negative.dim():
            torch.nn.functional.triplet_margin_loss(  # says what is wrong
                anchor.data, positive.data, negative.data, margin
            )

        # In torch 2.6 pairwise_distance takes no Variable for a number.
        name = "nn.functional.triplet_margin_loss"
        power, tiny = (constant(v, name, n) for v, n in ((p, "p"), (eps, "eps")))

        def distance(x: Tensor, y: Tensor) -> Tensor:
            return torch.pairwise_distance(x, y, power, tiny)

        anchor, positive, negative = in_float32(anchor, positive, negative)
        return _triplet.loss(anchor, positive, negative, distance, margin, swap, code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def three(*shape: int) -> list[Tensor]:
            return [make(*shape), make(*shape), make(*shape)]

        for reduction in ("none", "mean", "sum"):
            yield Sample(*three(4, 3), reduction=reduction)
        yield Sample(*three(4, 3), 0.3, 3, 0.1, True)
        yield Sample(*three(2, 4, 3), margin=2.0, p=1.0, eps=0.0, swap=True)
        yield Sample(make(4, 3), positive=make(1, 3), negative=make(4, 1))
        yield Sample(*three(4, 3), size_average=False)
        yield Sample(*three(4, 3), reduce=False)
        yield Sample(*three(3))
        yield Sample(*three(0, 3), reduction="sum")
        yield Sample(*three(3), margin=0.0).raises(ValueError, "greater than 0")
        yield Sample(make(3), make(3), make(2, 3)).raises(RuntimeError, "number of dimensions")
