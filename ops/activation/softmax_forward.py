"""softmax_forward: what torch's softmax comes down to."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op(
    "softmax_forward",
    overrides=(torch._softmax, torch.ops.aten._softmax.default),
)
class SoftmaxForward(Function):
    """y = exp(x) / sum(exp(x)) along dim;  gx = y (gy - sum(gy y)).

    With half_to_float, x in float16 gives y in float32; CUDA devices alone take it.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, half_to_float: bool) -> Tensor:
        ctx.dim, ctx.x_dtype = number(dim), x.dtype
        y = torch._softmax(x, ctx.dim, half_to_float)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return _softmax_backward_data(gy, y, ctx.dim, ctx.x_dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 1, False)
        yield Sample(make(3, 4), -2, False)
        yield Sample(make(2, 3, 2), dim=1, half_to_float=False)
        yield Sample(make(), 0, False)
        yield Sample(make(0, 3), 1, False)
        yield Sample(make(3, 0), 1, False)
        yield Sample(make.tensor([1.0, float("-inf"), 2.0, 2.0]), 0, False)
        yield Sample(make.tensor([0.0, 1.0]), 0, False)


_softmax_backward_data = torch._softmax_backward_data  # half the call of torch.ops.aten...
