"""uniform: numbers that are equally likely anywhere in an interval."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.creation._random import Filled, filled, in_place


@op(
    "uniform",
    reference=in_place("uniform_"),
    overrides=(torch.ops.aten.uniform.default,),
    aliases={"from": "low", "to": "high"},
    random=True,
    inplace=("uniform_",),
)
class Uniform(Filled):
    """y = numbers drawn evenly from [low, high), in x's shape and dtype;  gx = 0.

    torch calls the bounds ``from``, which Python reserves, and ``to``: they may be called that.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        low: float = 0,
        high: float = 1,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return filled(ctx, "uniform_", x, low, high, generator=generator)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, 7), -2, 0.5)
        yield Sample(make(3), **{"from": 1.0}, to=3.0)
        yield Sample(make(3), to=3.0)
        yield Sample(make())
        yield Sample(make(0, 3))
