"""nn.functional.softmin: the softmax of what is negated."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("nn.functional.softmin", overrides=(torch.nn.functional.softmin,))
class Softmin(Composite):
    """y = softmax(-x) along dim; without dim along 0, or 1 of 2 or 4 and more dimensions."""

    @staticmethod
    def forward(
        x: Tensor,
        dim: int | None = None,
        _stacklevel: int = 3,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        return torch.nn.functional.softmax(-x, dim, _stacklevel, dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 4), dim=-1)
        yield Sample(make(3, 4), 1, dtype=torch.float32)
        yield Sample(make(3, 2))
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
        yield Sample(make(2), 1).raises(IndexError, "Dimension out of range")
