"""short: a cast to int16."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("short", methods=("short",), reference=torch.Tensor.short, linear=True, view=True)
class Short(Composite):
    """y = x cast to int16; there is no gradient.

    Where x has that dtype already, y is x itself.
    """

    @staticmethod
    def forward(x: Tensor, *, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
        return x.to(torch.int16, memory_format=memory_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, dtype=torch.float32))
        yield Sample(make.integers(3).to(torch.int16))
        yield Sample(make(2, 3).t(), memory_format=torch.contiguous_format)
        yield Sample(make.integers(3))
        yield Sample(make())
        yield Sample(make(0, 3))
