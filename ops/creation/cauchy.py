"""cauchy: numbers from a Cauchy distribution."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.creation._random import Filled, filled, in_place


@op(
    "cauchy",
    reference=in_place("cauchy_"),
    overrides=(torch.ops.aten.cauchy.default,),
    random=True,
    inplace=("cauchy_",),
)
class Cauchy(Filled):
    """y = numbers whose density is sigma / (pi (sigma^2 + (y - median)^2));  gx = 0."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        median: float = 0,
        sigma: float = 1,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return filled(ctx, "cauchy_", x, median, sigma, generator=generator)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, 7), 2, 0.5)
        yield Sample(make(3), median=1.0, sigma=3.0)
        yield Sample(make())
        yield Sample(make(0, 3))
