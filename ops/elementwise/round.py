"""round: the nearest integer, or multiple of a power of ten."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "round",
    methods=("round",),
    overrides=(
        torch.round,
        torch.special.round,
        torch.ops.aten.round.default,
        torch.ops.aten.round.decimals,
        torch.ops.aten.special_round.default,
    ),
    elementwise=True,
    inplace=True,
)
class Round(Function):
    """y = x rounded to ``decimals`` places, halves to even;  gx = 0, also at the jumps."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, decimals: int = 0) -> Tensor:
        # torch takes integers only where decimals is left out.
        return torch.round(x, decimals=decimals) if decimals else torch.round(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.zeros_like(gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5), decimals=1)
        yield Sample(make.integers(3))
        yield Sample(make(5), decimals=-1)
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-1.5, -0.5, 0.5, 1.5, 2.5, 3.0])).at_kink()
