"""cpu: a copy in the CPU's memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("cpu", methods=("cpu",), reference=torch.Tensor.cpu, linear=True, view=True)
class Cpu(Composite):
    """y = x on the CPU;  gx = gy on the device of x.

    Where x is there already, y is x itself.
    """

    @staticmethod
    def forward(x: Tensor, *, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
        return x.to("cpu", memory_format=memory_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(2, 3).t(), memory_format=torch.contiguous_format)
        yield Sample(make.complex(3))
        yield Sample(make.integers(3))
