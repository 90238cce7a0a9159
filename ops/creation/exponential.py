"""exponential: numbers from an exponential distribution."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.creation._random import Filled, filled, in_place


@op(
    "exponential",
    reference=in_place("exponential_"),
    overrides=(torch.ops.aten.exponential.default,),
    random=True,
    inplace=("exponential_",),
)
class Exponential(Filled):
    """y = numbers whose density is lambd exp(-lambd y), in x's shape and dtype;  gx = 0."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, lambd: float = 1, *, generator: torch.Generator | None = None
    ) -> Tensor:
        return filled(ctx, "exponential_", x, lambd, generator=generator)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, 7), 2)
        yield Sample(make(3), lambd=0.5)
        yield Sample(make())
        yield Sample(make(0, 3))
