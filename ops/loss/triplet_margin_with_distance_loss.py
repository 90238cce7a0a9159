"""nn.functional.triplet_margin_with_distance_loss: triplet_margin_loss with any distance."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops.loss import _triplet
from plugrad.ops.loss._reduction import REDUCTIONS


@op(
    "nn.functional.triplet_margin_with_distance_loss",
    overrides=(torch.nn.functional.triplet_margin_with_distance_loss,),
    waives={"no-nan": "where a distance is infinite, torch's gradient of the anchor is nan too"},
)
class TripletMarginWithDistanceLoss(Composite):
    """y = max(0, margin + d(anchor, positive) - d(anchor, negative)), averaged or summed.

    d is distance_function, which is called with Variables and may use others: they have their
    gradients too. It is pairwise_distance by default. With swap the smaller of
    d(anchor, negative) and d(positive, negative) is taken for the former.
    """

    @staticmethod
    def forward(
        anchor: Tensor,
        positive: Tensor,
        negative: Tensor,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> Tensor:
        same = anchor.dim() == positive.dim() == negative.dim()
        if margin <= 0 or not same or reduction not in REDUCTIONS:  # torch says what is wrong
            torch.nn.functional.triplet_margin_with_distance_loss(
                anchor.data, positive.data, negative.data, margin=margin, reduction=reduction
            )
        distance = distance_function or torch.pairwise_distance
        code = REDUCTIONS.index(reduction)
        return _triplet.loss(anchor, positive, negative, distance, margin, swap, code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def three(*shape: int) -> list[Tensor]:
            return [make(*shape), make(*shape), make(*shape)]

        def squared(x: Tensor, y: Tensor) -> Tensor:
            return (x - y).square().sum(-1)

        for reduction in ("none", "mean", "sum"):
            yield Sample(*three(4, 3), reduction=reduction)
            yield Sample(*three(4, 3), distance_function=squared, swap=True, reduction=reduction)
        yield Sample(*three(2, 4, 3), margin=0.3, swap=True)
        yield Sample(make(4, 3), positive=make(1, 3), negative=make(4, 1))
        yield Sample(*three(3))
        yield Sample(*three(0, 3), reduction="sum")
        yield Sample(*three(3), margin=0.0).raises(ValueError, "greater than 0")
        yield Sample(*three(3), reduction="all").raises(ValueError, "not a valid value")
        yield Sample(make(3), make(3), make(2, 3)).raises(RuntimeError, "number of dimensions")
