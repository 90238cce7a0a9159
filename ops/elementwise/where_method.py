"""where_method: x.where(condition, y), which is where(condition, x, y)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("where_method", methods=("where",), reference=torch.Tensor.where, aliases={"other": "y"})
class WhereMethod(Composite):
    """z = x where condition holds, else y: torch's method names x before the condition."""

    @staticmethod
    def forward(x: Tensor, condition: Tensor, y: Tensor) -> Tensor:
        return torch.where(condition, x, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.booleans(3, 4), make(3, 4))
        yield Sample(make(4), make.booleans(3, 1), make(2, 1, 4))
        yield Sample(make(3), make.booleans(3), 2.5)
        yield Sample(make(3), make.booleans(3), other=make(3))
        yield Sample(make.complex(3), make.booleans(3), make(3)).constant(2)
        yield Sample(make.booleans(3), make.booleans(3), make.booleans(3))
