"""index_select: slices along a dimension, by a vector of indices."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "index_select",
    methods=("index_select",),
    overrides=(torch.index_select, torch.ops.aten.index_select.default),
    linear=True,
)
class IndexSelect(Function):
    """y = the slices of x along dim that index names;  gx = zeros with gy's added there.

    A slice that is named twice gets both gradients.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, index: Tensor) -> Tensor:
        ctx.x_shape, ctx.dim = x.shape, int(dim)
        ctx.save_for_backward(index)
        return x.index_select(dim, index)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (index,) = ctx.saved_tensors
        # One zero expanded: index_add itself makes the copy that it fills.
        return gy.new_zeros(()).expand(ctx.x_shape).index_add(ctx.dim, index, gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 2), 0, make.integers(6, high=4))
        yield Sample(make(2, 3, 2), -2, make.integers(2, high=3))
        yield Sample(make(4), dim=0, index=make.integers(2, high=4).int())
        yield Sample(make(2, 3), 1, make.tensor(2, dtype=torch.int64))
        yield Sample(make.complex(3), 0, make.integers(4, high=3))
        yield Sample(make(3, 2), 0, make.integers(0))
        yield Sample(make(0, 2), 1, make.integers(3, high=2))
        yield Sample(make(), 0, make.tensor([0], dtype=torch.int64))
