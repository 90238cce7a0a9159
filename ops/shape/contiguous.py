"""contiguous: the elements in memory in the order of their indices."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "contiguous",
    methods=("contiguous",),
    reference=torch.Tensor.contiguous,
    overrides=(torch.ops.aten.contiguous.default,),
    linear=True,
    view=True,
)
class Contiguous(Composite):
    """y = x, copied if its elements are in another order;  gx = gy.

    Where there is nothing to copy, y is x itself.
    """

    @staticmethod
    def forward(
        x: Tensor, *, memory_format: torch.memory_format = torch.contiguous_format
    ) -> Tensor:
        if x.is_contiguous(memory_format=memory_format):
            return x
        return x.clone(memory_format=memory_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4).t())
        yield Sample(make(1, 2, 2, 2), memory_format=torch.channels_last)
        yield Sample(make.complex(3, 2).t())
        yield Sample(make())
        yield Sample(make(0, 3))
