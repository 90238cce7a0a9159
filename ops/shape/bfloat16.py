"""bfloat16: a cast to bfloat16."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("bfloat16", methods=("bfloat16",), reference=torch.Tensor.bfloat16, linear=True, view=True)
class BFloat16(Composite):
    """y = x cast to bfloat16;  gx = gy cast back to the dtype of x.

    Where x has that dtype already, y is x itself.
    """

    @staticmethod
    def forward(x: Tensor, *, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
        return x.to(torch.bfloat16, memory_format=memory_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, dtype=torch.float32))
        yield Sample(make(3, dtype=torch.bfloat16))
        yield Sample(make(2, 3).t(), memory_format=torch.contiguous_format)
        yield Sample(make.integers(3))
        yield Sample(make())
        yield Sample(make(0, 3))
