"""dist: the p-norm of a difference."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._number import constant


@op("dist", methods=("dist",), overrides=(torch.dist, torch.ops.aten.dist.default))
class Dist(Composite):
    """z = linalg.vector_norm(x - y, p), which has the gradient."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, p: float = 2) -> Tensor:
        return torch.linalg.vector_norm(x - y, constant(p, "dist", "p"))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make.complex(3), make.complex(3))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        for p in (0, 1, 1.5, 2, 3, inf, -inf):
            yield Sample(make.distinct(3, 4), 2 * make.distinct(3, 4) + 10, p)
        yield Sample(make(3), make(3), p=4)
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(3))
        yield Sample(make.tensor([0.0, 1.0, 2.0]), make.tensor([1.0, 0.0, -1.0]), 3)
        yield Sample(make.tensor([0.0, 1.0]), make.tensor([0.0, 1.0])).at_kink()
