"""slice_backward: zeros with a slice filled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "slice_backward",
    overrides=(torch.ops.aten.slice_backward.default,),
    aliases={"grad_output": "x"},
    broadcasts=True,
    linear=True,
)
class SliceBackward(Function):
    """y = zeros of input_sizes with x at start:end:step of dim;  gx = gy there.

    x is broadcast to that place.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        input_sizes: Sequence[int],
        dim: int,
        start: int,
        end: int,
        step: int,
    ) -> Tensor:
        ctx.where = (dim, start, end, step)
        y: Tensor = torch.ops.aten.slice_backward.default(x, input_sizes, dim, start, end, step)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx: Tensor = torch.ops.aten.slice.Tensor(gy, *ctx.where)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 1), (3, 3), 0, 1, 3, 1)
        yield Sample(make(3, 2), (5, 2), 0, 1, 4, 1)
        yield Sample(make(2, 3), [2, 5], -1, 0, 5, 2)
        yield Sample(make(2), (5,), 0, -4, 100, 3)
        yield Sample(make(0), (5,), 0, 4, 2, 1)
        yield Sample(make.complex(2), (4,), 0, 1, 3, 1)
        yield Sample(make(0, 2), (0, 3), 1, 1, 3, 1)
