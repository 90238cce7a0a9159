"""byte: a cast to uint8."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("byte", methods=("byte",), reference=torch.Tensor.byte, linear=True, view=True)
class Byte(Composite):
    """y = x cast to uint8; there is no gradient.

    Where x has that dtype already, y is x itself.
    """

    @staticmethod
    def forward(x: Tensor, *, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
        return x.to(torch.uint8, memory_format=memory_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0))
        yield Sample(make(3, dtype=torch.float32, low=0))
        yield Sample(make.integers(3).to(torch.uint8))
        yield Sample(make(2, 3, low=0).t(), memory_format=torch.contiguous_format)
        yield Sample(make.integers(3))
        yield Sample(make(low=0))
        yield Sample(make(0, 3))
