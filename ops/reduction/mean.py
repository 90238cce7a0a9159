"""mean: the mean of all elements, or of those along some dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.reduction._dims import Dim, cast, mean_gradient, normal_dims


@op(
    "mean",
    methods=("mean",),
    overrides=(torch.mean, torch.ops.aten.mean.default, torch.ops.aten.mean.dim),
    linear=True,
)
class Mean(Function):
    """y = mean of the n elements of x along dim;  gx = gy / n.

    No dim and an empty one mean all dimensions. The mean of nothing is nan.
    """

    ctx_defaults: ClassVar = {"dims": None}

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: Dim = None,
        keepdim: bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        ctx.x_shape, ctx.x_dtype = x.shape, x.dtype
        if dim is None and not keepdim and dtype is None:
            return x.mean()
        dim = number(dim)
        ctx.dims = normal_dims(x, dim)
        return torch.mean(x, dim, keepdim, dtype=dtype)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gx = mean_gradient(gy, ctx.x_shape, ctx.dims)
        return gx if gx.dtype is ctx.x_dtype else cast(gx, ctx.x_dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 1)
        yield Sample(make(2, 3, 2), (0, -1))
        yield Sample(make(2, 3, 2), [1], True)
        yield Sample(make(3, 4), dim=-1, keepdim=True)
        yield Sample(make(3, 4), axis=0, keepdims=True)
        yield Sample(make(3, 4), None, True)
        yield Sample(make(3, 4), dim=())
        yield Sample(make(2, 4), dtype=torch.float32)
        yield Sample(make(3, 4, dtype=torch.float32), 0, dtype=torch.float64)
        yield Sample(make.integers(3, 4), 0, dtype=torch.float64)
        yield Sample(make.complex(3, 2), 0)
        yield Sample(make())
        yield Sample(make(), 0)
        yield Sample(make(0))
        yield Sample(make(0, 3), 0)
        yield Sample(make(0, 3), 1)
