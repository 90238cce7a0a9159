"""geometric: how many trials it takes until one succeeds."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.creation._random import Filled, filled, in_place


@op(
    "geometric",
    reference=in_place("geometric_"),
    overrides=(torch.ops.aten.geometric.default,),
    random=True,
    inplace=("geometric_",),
)
class Geometric(Filled):
    """y = k with probability (1 - p)^(k - 1) p, k = 1, 2, ..., in x's shape and dtype;  gx = 0."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, p: float, *, generator: torch.Generator | None = None
    ) -> Tensor:
        return filled(ctx, "geometric_", x, p, generator=generator)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0.3)
        yield Sample(make(5, 7), p=0.9)
        yield Sample(make.integers(3), 0.5)
        yield Sample(make(), 0.5)
        yield Sample(make(0, 3), 0.5)
