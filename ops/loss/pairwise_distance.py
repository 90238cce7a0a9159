"""nn.functional.pairwise_distance: how far each vector is from its partner."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "nn.functional.pairwise_distance",
    overrides=(torch.nn.functional.pairwise_distance, torch.ops.aten.pairwise_distance.default),
    aliases={"x1": "x", "x2": "y"},
)
class PairwiseDistance(Composite):
    """z = p-norm of x - y + eps along the last dimension."""

    @staticmethod
    def forward(
        x: Tensor, y: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
    ) -> Tensor:
        return (x - y + eps).norm(p, -1, keepdim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for p in (0.5, 1.0, 2.0, 3.0, math.inf):
            yield Sample(make(3, 4), make(3, 4), p)
        yield Sample(make(2, 3), make(2, 3), 2.0, 0.5, True)
        yield Sample(x1=make(2, 3, 2), x2=make(3, 1), keepdim=True)
        yield Sample(make(3), make(3), eps=0.1)
        yield Sample(make.complex(2, 3), make.complex(2, 3))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make.tensor([[0.0, 1.0]]), make.tensor([[0.0, 1.0]]), eps=0.0).at_kink()
