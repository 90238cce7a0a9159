"""flatten: a range of dimensions as one."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "flatten",
    methods=("flatten",),
    overrides=(torch.flatten, torch.ops.aten.flatten.using_ints),
    linear=True,
    view=True,
)
class Flatten(Function):
    """y = x with dimensions start_dim to end_dim as one;  gx = gy in the shape of x.

    A 0-dimensional x becomes 1-dimensional, a 1-dimensional one is returned as it is. A view
    where the strides allow it.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        ctx.x_shape = x.shape
        return x.flatten(start_dim, end_dim)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.reshape(ctx.x_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(2, 3, 2), 1)
        yield Sample(make(2, 3, 2), start_dim=0, end_dim=-2)
        yield Sample(make.complex(2, 3))
        yield Sample(make(3))
        yield Sample(make())
        yield Sample(make(0, 3))
