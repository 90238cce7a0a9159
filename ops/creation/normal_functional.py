"""normal_functional: normal numbers, in place normal_."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.creation._random import Filled, filled, in_place


@op(
    "normal_functional",
    reference=in_place("normal_"),
    overrides=(torch.ops.aten.normal_functional.default,),
    random=True,
    inplace=("normal_",),
)
class NormalFunctional(Filled):
    """y = normal numbers of this mean and standard deviation, in x's shape and dtype;  gx = 0."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        mean: float = 0,
        std: float = 1,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return filled(ctx, "normal_", x, mean, std, generator=generator)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, 7), 2, 0.5)
        yield Sample(make(3), mean=1.0, std=3.0)
        yield Sample(make.complex(3))
        yield Sample(make())
        yield Sample(make(0, 3))
