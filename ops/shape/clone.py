"""clone: a copy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "clone",
    methods=("clone",),
    overrides=(torch.clone, torch.ops.aten.clone.default),
    linear=True,
    elementwise=True,
)
class Clone(Function):
    """y = x in memory of its own;  gx = gy."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *, memory_format: torch.memory_format = torch.preserve_format
    ) -> Tensor:
        # Sparse tensors keep their format, and take no word about it.
        return x.clone(memory_format=memory_format if x.layout is torch.strided else None)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(2, 3).t(), memory_format=torch.contiguous_format)
        yield Sample(make.complex(3))
        yield Sample(make())
        yield Sample(make(0, 3))
