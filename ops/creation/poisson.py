"""poisson: random counts of events."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "poisson",
    overrides=(torch.poisson, torch.ops.aten.poisson.default),
    random=True,
)
class Poisson(Function):
    """y drawn from x^y e^-x / y!, x being the rate;  gx = 0, as a count has no slope."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return torch.poisson(x, generator=generator)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return torch.zeros_like(gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.5, high=5.0))
        yield Sample(make(2, 3, low=20.0, high=40.0), None)
        yield Sample(make(low=1.0, high=2.0))
        yield Sample(make.tensor([0.01, 0.1, 12.0]))
        yield Sample(make.tensor([0.0, 3.0])).constant(0)
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-1.0])).raises(RuntimeError, "invalid Poisson rate")
