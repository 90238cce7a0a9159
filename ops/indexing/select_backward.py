"""select_backward: zeros with one index of a dimension filled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "select_backward",
    overrides=(torch.ops.aten.select_backward.default,),
    aliases={"grad_output": "x"},
    broadcasts=True,
    linear=True,
)
class SelectBackward(Function):
    """y = zeros of input_sizes with x at index of dim;  gx = gy there.

    x is broadcast to that place.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, input_sizes: Sequence[int], dim: int, index: int
    ) -> Tensor:
        ctx.where = (dim, index)
        y: Tensor = torch.ops.aten.select_backward.default(x, input_sizes, dim, index)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.select(*ctx.where)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3), (3, 3, 3), 0, 1)
        yield Sample(make(1), (3, 4), 0, 1)
        yield Sample(make(4), (3, 4), 0, 1)
        yield Sample(make(2, 3), [2, 3, 2], -1, -2)
        yield Sample(make(), (3,), 0, 2)
        yield Sample(make.complex(3), (3, 2), 1, 0)
        yield Sample(make(0), (0, 3), 1, 2)
