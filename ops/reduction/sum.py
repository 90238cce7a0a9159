"""sum: the sum of all elements, or of those along some dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.reduction._dims import Dim, cast, normal_dims, unreduced


@op(
    "sum",
    methods=("sum",),
    overrides=(torch.sum, torch.ops.aten.sum.dim_IntList, torch.ops.aten.sum.default),
    linear=True,
)
class Sum(Function):
    """y = sum of x over dim;  gx = gy, the same for every element of the sum.

    No dim and an empty one mean all dimensions. The sum of nothing is 0.
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
            return x.sum()
        dim = number(dim)
        ctx.dims = normal_dims(x, dim)
        return torch.sum(x, dim, keepdim, dtype=dtype)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        if ctx.dims is not None:
            gy = unreduced(gy, ctx.x_shape, ctx.dims)
        gx = gy.expand(ctx.x_shape)
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
        yield Sample(make(3, 4), dim=(), keepdim=True)
        yield Sample(make(3, 4), dtype=torch.float32)
        yield Sample(make(3, 4, dtype=torch.float32), 0, dtype=torch.float64)
        yield Sample(make(3), dtype=torch.int64).constant(0)
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make.booleans(5))
        yield Sample(make.complex(3, 2), 0)
        yield Sample(make.complex(3), dtype=torch.complex64)
        yield Sample(make())
        yield Sample(make(), 0, True)
        yield Sample(make(0, 3))
        yield Sample(make(0, 3), 0)
        yield Sample(make(0, 3), 1)
