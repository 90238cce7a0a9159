"""safe_softmax: softmax, and zeros where all is -inf, as of what attention masks entirely."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number


@op("safe_softmax", overrides=(torch._safe_softmax, torch.ops.aten._safe_softmax.default))
class SafeSoftmax(Function):
    """y = exp(x) / sum(exp(x)) along dim, 0 where all x are -inf;  gx = y (gy - sum(gy y)).

    With dtype, x is cast to it first.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, dtype: torch.dtype | None = None) -> Tensor:
        ctx.dim, ctx.x_dtype = number(dim), x.dtype
        y = torch._safe_softmax(x, ctx.dim, dtype)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        gx = _softmax_backward_data(gy, y, ctx.dim, y.dtype)
        return gx if gx.dtype is ctx.x_dtype else gx.to(ctx.x_dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        infinity = float("inf")
        yield Sample(make(3, 4), 1)
        yield Sample(make(3, 4), -2)
        yield Sample(make(2, 3, 2), dim=1)
        yield Sample(make(3, 4).float(), 1, torch.float64)
        yield Sample(make(3, 4), 1, dtype=torch.float64)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 1)
        yield Sample(make(3, 0), 1)
        yield Sample(make.tensor([[-infinity, -infinity], [-infinity, 0.5], [0.0, 1.0]]), 1)


_softmax_backward_data = torch._softmax_backward_data  # half the call of torch.ops.aten...
