"""take: elements by their number, as if x had one dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("take", methods=("take",), overrides=(torch.take, torch.ops.aten.take.default), linear=True)
class Take(Function):
    """y = x's elements of the numbers in index;  gx = zeros with gy added there."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, index: Tensor) -> Tensor:
        ctx.x_shape = x.shape
        ctx.save_for_backward(index)
        return torch.take(x, index)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (index,) = ctx.saved_tensors
        return gy.new_zeros(ctx.x_shape).put(index, gy, accumulate=True)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3), make.integers(4, high=6))
        yield Sample(make(2, 3), make.tensor([[0, -1], [5, 0]], dtype=torch.int64))
        yield Sample(make(2, 3), index=make.tensor(2, dtype=torch.int64))
        yield Sample(make(), make.tensor([0, 0], dtype=torch.int64))
        yield Sample(make.complex(3), make.integers(2, high=3))
        yield Sample(make(3), make.integers(0))
        yield Sample(make(0, 3), make.integers(0))
