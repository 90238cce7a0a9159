"""reshape: the same elements in another shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given


@op(
    "reshape",
    methods=("reshape",),
    overrides=(torch.reshape, torch.ops.aten.reshape.default),
    linear=True,
    view=True,
)
class Reshape(Function):
    """y = x in the shape given;  gx = gy in the shape of x.

    A view where the strides allow it, else a copy. One size may be -1.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *sizes: int | Sequence[int], shape: Sequence[int] | None = None
    ) -> Tensor:
        ctx.x_shape = x.shape
        return x.reshape(*given(sizes, shape))

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.reshape(ctx.x_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), (2, 6))
        yield Sample(make(3, 4), [2, -1])
        yield Sample(make(3, 4), torch.Size([12]))
        yield Sample(make(3, 4), shape=(1, 12))
        yield Sample(make(3, 4), (3, 4))
        yield Sample(make.complex(2, 3), (3, 2))
        yield Sample(make(0, 3), (3, 0))
        yield Sample(make(), (1, 1))
        yield Sample(make(1), ())
