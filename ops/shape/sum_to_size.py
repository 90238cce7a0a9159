"""sum_to_size: the sum over what broadcasting had repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._numbers import given


@op(
    "sum_to_size",
    methods=("sum_to_size",),
    reference=torch.Tensor.sum_to_size,
    overrides=(torch.ops.aten.sum_to_size.default,),
    linear=True,
    view=True,
)
class SumToSize(Function):
    """y = x summed to the sizes given;  gx = gy broadcast to the shape of x.

    The adjoint of expand: the sizes are those of a tensor that broadcasts to x. Where they
    are x's, y is x itself.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, *sizes: int | Sequence[int], size: Sequence[int] | None = None
    ) -> Tensor:
        ctx.x_shape = x.shape
        return x.sum_to_size(*given(sizes, size))

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.expand(ctx.x_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 3, 1)
        yield Sample(make(3, 4), (4,))
        yield Sample(make(2, 3, 4), [1, 4])
        yield Sample(make(2, 3), size=(1, 1))
        yield Sample(make(2, 3), torch.Size([]))
        yield Sample(make(2, 3), 2, 3)
        yield Sample(make.complex(2, 3), 1, 3)
        yield Sample(make(0, 3), 1, 3)
        yield Sample(make(), ())
