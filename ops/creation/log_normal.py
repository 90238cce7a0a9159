"""log_normal: numbers whose logarithms are normal."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.creation._random import Filled, filled, in_place


@op(
    "log_normal",
    reference=in_place("log_normal_"),
    overrides=(torch.ops.aten.log_normal.default,),
    random=True,
    inplace=("log_normal_",),
)
class LogNormal(Filled):
    """y = exp(normal numbers of this mean and standard deviation);  gx = 0."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        mean: float = 1,
        std: float = 2,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return filled(ctx, "log_normal_", x, mean, std, generator=generator)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, 7), 0, 0.5)
        yield Sample(make(3), mean=1.0, std=3.0)
        yield Sample(make())
        yield Sample(make(0, 3))
