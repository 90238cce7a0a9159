"""bool: a cast to bool."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("bool", methods=("bool",), reference=torch.Tensor.bool, linear=True, view=True)
class Bool(Composite):
    """y = x cast to bool; there is no gradient.

    Where x has that dtype already, y is x itself.
    """

    @staticmethod
    def forward(x: Tensor, *, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
        return x.to(torch.bool, memory_format=memory_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, dtype=torch.float32))
        yield Sample(make.integers(3).to(torch.bool))
        yield Sample(make(2, 3).t(), memory_format=torch.contiguous_format)
        yield Sample(make.integers(3))
        yield Sample(make())
        yield Sample(make(0, 3))
